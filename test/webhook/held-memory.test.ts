import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { Decision } from '../../src/gate/decision.ts'
import { Reviewer } from '../../src/webhook/reviewer.ts'
import { eventually } from '../fixtures/eventually.ts'
import { allowed, awaited, fakes, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

t.test('while a review is held, nothing keeps its objects as they came', async (t) => {
  const { gate, modules } = fakes()
  let decide: (decision: Decision) => void = () => undefined
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
  let decide: (decision: Decision) => void = () => undefined
  gate.answer = () => new Promise((resolve) => (decide = resolve))
  const reviewer = new Reviewer(options, modules)
  const large = options.heldBytes / 2
  const body = review('Node', {
    before: node({ evictionRequested: false }),
    after: node({ evictionRequested: true }),
  })
  const first = reviewer.review(body, '10s', awaited, large)
  const answered = decide
  void reviewer.review(body, '10s', awaited, large)
  const third = reviewer.review(body, '10s', awaited, 1)
  t.strictSame(
    gate.asked.map(({ mayHold }) => mayHold),
    [true, true, false],
  )
  decide(allowed())
  await third
  answered(allowed())
  await first
  const fourth = reviewer.review(body, '10s', awaited, 1)
  t.equal(gate.asked.at(-1)?.mayHold, true, 'one of them is answered')
  decide(allowed())
  t.match(await fourth, { ok: true })
})

t.test('of a node that is created a little is looked at, however many disks it names', async (t) => {
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
