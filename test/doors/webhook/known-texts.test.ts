import t from 'tap'
import { KnownTexts } from '../../../src/doors/webhook/known-texts.ts'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import type { Change } from '../../../src/rules/change.ts'
import { awaited, fakes, held, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

const [one, other] = ['4123da49-484e-4c14-8e6a-7d32e4c3b1a1', '4123da49-484e-4c14-8e6a-7d32e4c3b1a2']

/** A review as API servers write it: the kind, the version and the uid come first. */
const textOf = (uid: string, request: object = { operation: 'UPDATE' }): string =>
  JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { uid, ...request },
  })

t.test('a text is known if it differs in the uid of the review alone', (t) => {
  const texts = new KnownTexts<string>()
  t.equal(texts.find(textOf(one)), undefined)
  texts.keep(textOf(one), one, 'what was read')
  t.strictSame(texts.find(textOf(other)), { uid: other, value: 'what was read' })
  t.equal(texts.find(textOf(other, { operation: 'DELETE' })), undefined)
  t.equal(texts.find(textOf(other, { operation: 'UPDATE', dryRun: true })), undefined)
  t.equal(texts.find(JSON.stringify({ request: { uid: one } })), undefined, 'not as an API server begins')
  t.end()
})

t.test('texts of one length are told apart', (t) => {
  const texts = new KnownTexts<string>()
  for (const name of ['n1', 'n2']) texts.keep(textOf(one, { name }), one, name)
  t.strictSame(
    ['n1', 'n2', 'n3'].map((name) => texts.find(textOf(other, { name }))?.value),
    ['n1', 'n2', undefined],
  )
  t.end()
})

t.test('a text with a second uid is not remembered, since that one counts', (t) => {
  const texts = new KnownTexts<string>()
  texts.keep(textOf(one).replace('"operation"', `"uid":"${other}","operation"`), other, 'what was read')
  t.equal(texts.size, 0)
  t.end()
})

t.test(
  'a text that has its uid elsewhere too is not remembered, since that part would differ in the next',
  (t) => {
    const texts = new KnownTexts<string>()
    texts.keep(textOf(one, { operation: 'UPDATE', name: one }), one, 'what was read')
    texts.keep(textOf(one).replace('"operation"', `"uid":"${one}","operation"`), one, 'what was read')
    t.equal(texts.size, 0)
    t.end()
  },
)

t.test('a uid that is also a word of the beginning is found where the uid is', (t) => {
  for (const uid of ['uid', 'kind', 'v1', 'AdmissionReview']) {
    const texts = new KnownTexts<string>()
    texts.keep(textOf(one), one, 'what was read')
    t.strictSame(texts.find(textOf(uid)), { uid, value: 'what was read' })
  }
  t.end()
})

t.test('it remembers 32 texts of 32 KiB at most', (t) => {
  const texts = new KnownTexts<number>()
  texts.keep(textOf(one, { name: 'x'.repeat(32 * 1024) }), one, 0)
  t.equal(texts.size, 0)
  for (let n = 1; n <= 33; n++) texts.keep(textOf(one, { name: `n${n}` }), one, n)
  t.equal(texts.size, 1)
  t.equal(texts.find(textOf(other, { name: 'n33' }))?.value, 33)
  t.end()
})

t.test('a denial that is given again is read once, and decided each time under its own uid', async (t) => {
  const { modules } = fakes()
  const decided: Change[] = []
  const decideAtOnce = (change: Change) => {
    decided.push(change)
    return held(change)
  }
  const reviewer = new Reviewer(options, { ...modules, decideAtOnce })
  const { request } = review('Node', {
    before: node({ evictionRequested: false }),
    after: node({ evictionRequested: true }),
  })
  const [first, second] = [textOf('', { ...request, uid: one }), textOf('', { ...request, uid: other })]
  const ask = async (body: unknown, text: string) =>
    await reviewer.review(body, '10s', awaited, { text, bytes: text.length, peer: '' })
  t.equal(reviewer.known(first), undefined)
  t.match(await ask(JSON.parse(first), first), { value: { response: { uid: one, allowed: false } } })
  const known = reviewer.known(second)
  t.ok(known)
  t.match(await ask(known, second), { value: { response: { uid: other, allowed: false } } })
  await ask(JSON.parse(second), second)
  const [, fromMemory, read] = decided
  t.strictSame(fromMemory, read, 'the gate sees the same change as if it had been read')
})

t.test('a text is remembered only once the gate gives its denial again', async (t) => {
  const { gate, modules } = fakes()
  gate.answer = (change) => Promise.resolve(held(change))
  const reviewer = new Reviewer(options, { ...modules, decideAtOnce: () => undefined })
  const { request } = review('Node', { before: node({}), after: node({ evictionRequested: true }) })
  const text = textOf('', { ...request, uid: one })
  await reviewer.review(JSON.parse(text), '10s', awaited, { text, bytes: text.length, peer: '' })
  t.equal(reviewer.known(text), undefined)
})
