import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import type { Decide, Outcome } from '../../../src/gate/ports.ts'
import type { Change } from '../../../src/rules/change.ts'
import { onAbort } from '../../../src/time/clock.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { allowed, awaited, fakes, held, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('during a hold, the original objects are not kept', async (t) => {
  const { gate, modules } = fakes()
  let decide: (decision: Outcome) => void = () => undefined
  gate.answer = () => new Promise((resolve) => (decide = resolve))
  const reviewer = new Reviewer(options, modules)
  const begin = () => {
    const after = node({ evictionRequested: true }, { annotations: { note: 'x'.repeat(1_000) } })
    const body = review('Node', { before: node({ evictionRequested: false }), after })
    return { answer: reviewer.review(body, '10s', awaited), kept: new WeakRef(after) }
  }
  const { answer, kept } = begin()
  await eventually(() => gate.asked.length === 1)
  await eventually(() => {
    collect()
    return kept.deref() === undefined
  }, 'the object is forgotten')
  decide(allowed())
  t.match(await answer, { ok: true, value: { response: { allowed: true } } })
})

t.test(
  'while a denial waits for its record, nothing keeps the objects of a review that is not understood',
  async (t) => {
    const { modules } = fakes()
    let record: () => void = () => undefined
    let asked = 0
    const denied = () => {
      asked += 1
      return new Promise<void>((resolve) => (record = resolve))
    }
    const reviewer = new Reviewer(options, { ...modules, denied })
    const begin = () => {
      const odd = { allowScheduling: 'yes' }
      const after = node({ ...odd, evictionRequested: true }, { annotations: { note: 'x'.repeat(1_000) } })
      const body = review('Node', { before: node(odd), after })
      return { answer: reviewer.review(body, '10s', awaited), kept: new WeakRef(after) }
    }
    const { answer, kept } = begin()
    await eventually(() => asked === 1)
    await eventually(() => {
      collect()
      return kept.deref() === undefined
    }, 'the object is forgotten')
    record()
    t.match(await answer, { ok: true, value: { response: { allowed: false } } })
  },
)

t.test('reviews that take much memory together are not held', async (t) => {
  const { gate, modules } = fakes()
  let decide: (decision: Outcome) => void = () => undefined
  gate.answer = () => new Promise((resolve) => (decide = resolve))
  const reviewer = new Reviewer(options, modules)
  const large = options.heldBytes / 2
  const body = review('Node', {
    before: node({ evictionRequested: false }),
    after: node({ evictionRequested: true }),
  })
  const of = (bytes: number, peer = '10.0.0.9') => reviewer.review(body, '10s', awaited, { bytes, peer })
  const first = of(large)
  const answered = decide
  void of(large)
  const third = of(1)
  t.strictSame(
    gate.asked.map(({ mayHold, budgetMs }) => [mayHold, budgetMs]),
    [
      [true, 8_500],
      [true, 8_500],
      [false, options.unheldMs],
    ],
    'a change that must not be held has less time',
  )
  const answerThird = decide
  void of(1, '10.0.0.1')
  t.match(gate.asked.at(-1), { mayHold: true, budgetMs: 8_500 }, 'another caller pays nothing for that')
  answerThird(allowed())
  await third
  answered(allowed())
  await first
  const fourth = of(1)
  t.equal(gate.asked.at(-1)?.mayHold, true, 'one of them is answered')
  decide(allowed())
  t.match(await fourth, { ok: true })
})

const raise = () =>
  review('Node', { before: node({ evictionRequested: false }), after: node({ evictionRequested: true }) })

/** A gate that waits for the API server, as long as it is waited for itself. */
function slow(enforces = true) {
  const { gate, modules, denials } = fakes()
  let cut = 0
  let answered = 0
  const gone: AbortSignal[] = []
  const unavailable = (change: Change): Outcome => ({
    ...held(change),
    verdict: { decision: 'unavailable', why: 'not-confirmed', warnings: [] },
  })
  const decide: Decide = (change, patience) => {
    gone.push(patience.signal)
    void gate.decide(change, patience)
    return new Promise((resolve) => onAbort(patience.signal, () => resolve(unavailable(change))))
  }
  const gaveWay = () => void (cut += 1)
  const reviewer = new Reviewer({ ...options, enforces }, { ...modules, decide, gaveWay })
  const ask = async (bytes: number, peer: string, body: object = raise()) => {
    const reviewed = await reviewer.review(body, '10s', awaited, { bytes, peer })
    answered += 1
    if (!reviewed.ok) throw new Error(reviewed.problem)
    return reviewed.value.response
  }
  return { ask, gate, denials, gone, cut: () => cut, answered: () => answered }
}

const quarter = options.keptBytes / 4

t.test(
  'while the API server is slow, reviews of the caller with the most give way, the latest first',
  async (t) => {
    const { ask, gate, cut, answered, gone } = slow()
    void ask(quarter, '10.0.0.9')
    void ask(quarter, '10.0.0.9')
    const latest = ask(quarter, '10.0.0.9')
    void ask(quarter, '10.0.0.1')
    t.equal(cut(), 0)
    void ask(1, '10.0.0.1')
    t.match(await latest, {
      allowed: false,
      status: {
        code: 503,
        message: /^Too many large reviews wait for Holdfast.*try again/,
        details: { retryAfterSeconds: 2 },
      },
    })
    t.strictSame([cut(), answered()], [1, 1])
    t.strictSame(
      gone.map(({ aborted }) => aborted),
      [false, false, true, false, false],
    )
    t.equal(gate.asked.length, 5)
  },
)

t.test(
  'a review that has to give way as it comes takes no place in the gate, and its denial is on record',
  async (t) => {
    const { ask, gate, denials, cut } = slow()
    void ask(quarter, '10.0.0.1')
    const { allowed, status } = await ask(4 * quarter, '10.0.0.9')
    t.strictSame([allowed, status?.code, cut()], [false, 503, 1])
    t.equal(gate.asked.length, 1)
    t.match(denials, [{ kind: 'Node', operation: 'UPDATE', why: 'undecided' }])
  },
)

t.test('a write that only clears flags is decided however many reviews wait', async (t) => {
  const { gate, modules } = fakes()
  const reviewer = new Reviewer(options, modules)
  const clear = review('Node', {
    before: node({ evictionRequested: true }),
    after: node({ evictionRequested: false }),
  })
  const weight = { bytes: 2 * options.keptBytes, peer: '10.0.0.9' }
  t.match(await reviewer.review(clear, '10s', awaited, weight), { value: { response: { allowed: true } } })
  t.equal(gate.asked.length, 1)
})

t.test('a guard that only warns admits the reviews that give way', async (t) => {
  const { ask, denials } = slow(false)
  const { allowed, warnings } = await ask(5 * quarter, '10.0.0.9')
  t.equal(allowed, true)
  t.match(warnings, [/Too many large reviews/])
  t.strictSame(denials, [])
})

t.test('a created node is read in part only, however many disks it names', async (t) => {
  const { gate, modules } = fakes()
  const huge = 'x'.repeat(100_000)
  const disk = (at: number) => ({ evictionRequested: at > 900, path: huge, tags: [huge] })
  const disks = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`d${at}`, disk(at)]))
  const status = { diskStatus: { d999: { diskUUID: 'of-another-node' } } }
  const after = { ...node({ disks, tags: Array.from({ length: 1_000 }, () => huge) }), status }
  await new Reviewer(options, modules).review(review('Node', { after, operation: 'CREATE' }), '10s', awaited)
  const made = gate.asked[0]?.change.after
  if (made?.kind !== 'Node') throw new Error('the gate was not asked about a node')
  t.equal(made.spec.disks.size, 64)
  t.ok([...made.spec.disks.values()].every(({ evictionRequested }) => evictionRequested))
  t.equal(made.status.diskStatus.size, 0)
  t.ok(JSON.stringify([...made.spec.disks, made.spec.tags]).length < 300_000)
})
