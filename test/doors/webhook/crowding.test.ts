import t from 'tap'
import { mostEntries } from '../../../src/doors/webhook/normalise.ts'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import type { JudgedKind } from '../../../src/rules/change.ts'
import { awaited, fakes, options } from './fake-gate.ts'
import { image, node, review, type ReviewParts } from './review-builder.ts'

/** So many disks, the first with its flag up or down. */
const disksOf = (count: number, evictionRequested: boolean) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`d${at}`, at === 0 ? { evictionRequested } : {}]),
  )
/** So many copies. */
const copiesOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`u${at}`, {}]))

t.test('an object with more disks or copies than the limit counts as unreadable', async (t) => {
  const many = mostEntries + 1
  const ask = async (kind: JudgedKind, parts: ReviewParts) => {
    const { gate, modules } = fakes()
    const reviewed = await new Reviewer(options, modules).review(review(kind, parts), '10s', awaited)
    if (!reviewed.ok) throw new Error(reviewed.problem)
    return { ...reviewed.value.response, asked: gate.asked.length }
  }
  const toNode = (from: object, to: object) =>
    ask('Node', { before: node({ disks: from }), after: node({ disks: to }) })
  const toImage = (from: object, to: object) =>
    ask('BackingImage', { before: image({ diskFileSpecMap: from }), after: image({ diskFileSpecMap: to }) })
  const [down, up] = [disksOf(many, false), disksOf(many, true)]
  const message = new RegExp(
    `spec.disks has ${many} entries, and the guard reads ${mostEntries} at most.*raises spec.disks.d0`,
  )
  t.match(await toNode(down, up), { allowed: false, status: { code: 403, message }, asked: 0 })
  t.match(await toNode(up, down), { allowed: true, warnings: [/cannot read this Node/], asked: 0 }, 'a clear')
  t.match(await toNode(down, down), { allowed: true, asked: 0 })
  t.match(await toImage(copiesOf(many), {}), {
    allowed: false,
    status: { message: /spec.diskFileSpecMap has .*removes the copy on disk u0/ },
    asked: 0,
  })
  const annotated = (evictionRequested: boolean) =>
    node({ evictionRequested }, { annotations: copiesOf(many) })
  const ofAnnotations = await ask('Node', { before: annotated(false), after: annotated(true) })
  t.match(ofAnnotations, { allowed: false, status: { message: /metadata.annotations has/ }, asked: 0 })
  const most = await toNode(disksOf(mostEntries, false), disksOf(mostEntries, true))
  t.match(most, { allowed: true, asked: 1 }, 'one less is judged')
})

t.test('entries of an unreadable object are counted once', async (t) => {
  const annotations = copiesOf(mostEntries + 1)
  const { modules } = fakes()
  const before = node({ evictionRequested: false }, { annotations })
  const body = review('Node', { before, after: node({ evictionRequested: true }, { annotations }) })
  const counted = t.capture(Object, 'keys', Object.keys.bind(Object))
  await new Reviewer(options, modules).review(body, '10s', awaited)
  const ofAnnotations = counted().filter(({ args: [of] }) => of === annotations)
  counted.restore()
  t.equal(ofAnnotations.length, 1)
})

t.test('the entries of the shortest text that has too many are counted', async (t) => {
  const annotations: unknown = Object.fromEntries(
    Array.from({ length: mostEntries + 1 }, (_, at) => [String.fromCodePoint(0x4e00 + at), 1] as const),
  )
  const { modules } = fakes()
  const body = review('Node', {
    operation: 'DELETE',
    before: { metadata: { annotations } },
  })
  const text = JSON.stringify(body)
  const came = { text, bytes: text.length, peer: '' }
  const reviewed = await new Reviewer(options, modules).review(body, '10s', awaited, came)
  t.match(reviewed, {
    ok: true,
    value: { response: { warnings: [/metadata.annotations has 10001 entries/] } },
  })
})
