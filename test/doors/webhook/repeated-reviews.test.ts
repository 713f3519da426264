import t from 'tap'
import { RepeatedRefusals } from '../../../src/doors/webhook/repeated-refusals.ts'
import { Reviewer, type ReviewModules } from '../../../src/doors/webhook/reviewer.ts'
import type { Outcome } from '../../../src/gate/ports.ts'
import type { Change } from '../../../src/rules/change.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'
import { allowed, awaited, fakes, finding, held, options } from './fake-gate.ts'
import { node, review } from './review-builder.ts'

const evict = { before: node({ evictionRequested: false }), after: node({ evictionRequested: true }) }
const cancel = { before: evict.after, after: evict.before }

const longhorn = 'system:serviceaccount:longhorn-system:longhorn-service-account'

/** A reviewer whose gate holds everything back, and the clock of its delays. */
function puttingOff(others: Partial<ReviewModules> = {}) {
  const { gate, modules } = fakes()
  const clock = new FakeClock()
  gate.answer = (change) => Promise.resolve(held(change))
  const repeated = new RepeatedRefusals(clock, () => clock.now())
  const reviewer = new Reviewer(options, { ...modules, repeated, ...others })
  const answerTo = async (parts: Parameters<typeof review>[1], timeout: string) => {
    const reviewed = await reviewer.review(review('Node', parts), timeout, awaited)
    if (!reviewed.ok) throw new Error(reviewed.problem)
    return reviewed.value.response
  }
  /** Asks, until it is answered or put off. @returns the answer to come, and whether it came at once */
  const asked = async (parts: Parameters<typeof review>[1], timeout = '10s') => {
    const before = clock.pending
    const progress = { answered: false }
    const answer = answerTo(parts, timeout).finally(() => (progress.answered = true))
    await eventually(() => progress.answered || clock.pending > before)
    return { answer, atOnce: progress.answered }
  }
  /** @returns whether it was answered at once */
  const atOnce = async (parts: Parameters<typeof review>[1], timeout = '10s'): Promise<boolean> => {
    const { answer, atOnce } = await asked(parts, timeout)
    clock.advance(1_000)
    await answer
    return atOnce
  }
  return { gate, atOnce, clock, asked }
}

t.test(
  'a repeated denial of a change by Longhorn’s own account is decided at once, and sent later',
  async (t) => {
    const { gate, atOnce, clock, asked } = puttingOff()
    t.ok(await atOnce({ ...evict, username: longhorn }))
    t.notOk(await atOnce({ ...evict, username: longhorn }))
    const third = await asked({ ...evict, username: longhorn })
    t.strictSame([third.atOnce, clock.pending], [false, 1])
    t.equal(gate.asked.length, 3, 'it was decided, and so is on record, before it waits')
    clock.advance(100)
    t.match(await third.answer, { allowed: false, status: { message: 'a clean-up is pending' } })
    t.equal(clock.pending, 0)
  },
)

t.test('a denial that is given from memory is sent later too, and the gate is not asked', async (t) => {
  for (const outcome of [held, (change: Change) => Promise.resolve(held(change))]) {
    const { gate, atOnce } = puttingOff({ decideAtOnce: outcome })
    t.ok(await atOnce({ ...evict, username: longhorn }))
    t.notOk(await atOnce({ ...evict, username: longhorn }))
    t.ok(await atOnce({ ...evict, username: 'ann' }))
    t.ok(await atOnce({ ...evict, username: 'ann' }), 'others get it at once')
    t.same(gate.asked, [])
  }
})

t.test('a denial from memory whose record fails, or does not come, is a denial all the same', async (t) => {
  const { modules, gate, log, timers, denials } = fakes()
  const never = new Promise<Outcome>(() => undefined)
  for (const recorded of [Promise.reject<Outcome>(new Error('the disk is full')), never]) {
    const reviewer = new Reviewer(options, { ...modules, decideAtOnce: () => recorded })
    const answer = reviewer.review(review('Node', evict), '1s', awaited)
    await eventually(() => recorded !== never || timers.waiting.size > 0)
    timers.fireAll()
    t.match(await answer, { ok: true, value: { response: { allowed: false, status: { code: 503 } } } })
  }
  t.match(denials, [
    { kind: 'Node', why: 'undecided' },
    { kind: 'Node', why: 'undecided' },
  ])
  t.match(log.lines, [{ level: 'error' }, { level: 'error' }])
  t.same(gate.asked, [])
})

t.test('only Longhorn’s answers are delayed, and no dry run’s', async (t) => {
  const { atOnce } = puttingOff()
  for (let n = 0; n < 3; n++) t.ok(await atOnce({ ...evict, username: 'jane' }))
  for (let n = 0; n < 3; n++) t.ok(await atOnce({ ...evict, username: longhorn, dryRun: true }))
})

t.test('an allowed change is never delayed', async (t) => {
  const { gate, atOnce } = puttingOff()
  for (let n = 0; n < 3; n++) await atOnce({ ...evict, username: longhorn })
  gate.answer = () => Promise.resolve(allowed())
  for (let n = 0; n < 3; n++) t.ok(await atOnce({ ...cancel, username: longhorn }))
})

/** Whether the third of three reviews is put off, if the first two were the same refusal to Longhorn's account. */
const thirds: readonly (readonly [what: string, third: Parameters<typeof review>[1], putOff: boolean])[] = [
  ['the same again', {}, true],
  ['from another account', { username: 'jane' }, false],
  ['from another account of Longhorn’s namespace', { username: `${longhorn}-2` }, false],
  ['as a dry run', { dryRun: true }, false],
  ['of another object', { name: 'n2' }, false],
  ['of another version', { before: node({ evictionRequested: false }, { resourceVersion: '9' }) }, false],
]

for (const [what, third, putOff] of thirds) {
  t.test(`a refusal ${what} is ${putOff ? 'put off' : 'answered at once'}`, async (t) => {
    const { atOnce } = puttingOff()
    const refused = { ...evict, username: longhorn }
    t.strictSame([await atOnce(refused), await atOnce(refused)], [true, false], 'never the first')
    t.equal(await atOnce({ ...refused, ...third }), !putOff)
  })
}

t.test('another verdict is answered at once', async (t) => {
  const { gate, atOnce } = puttingOff()
  const refused = { ...evict, username: longhorn }
  t.strictSame([await atOnce(refused), await atOnce(refused)], [true, false])
  const objection = { ...finding('refuse'), rule: 'last-usable-copy' } as const
  gate.answer = (change) =>
    Promise.resolve({
      ...held(change),
      verdict: { decision: 'refuse', objections: [objection], warnings: [] },
    })
  t.ok(await atOnce(refused))
  t.notOk(await atOnce(refused))
})

t.test('another version of the object is answered at once', async (t) => {
  const { atOnce } = puttingOff()
  const of = (resourceVersion: string) => ({
    before: node({ evictionRequested: false }, { resourceVersion }),
    after: node({ evictionRequested: true }, { resourceVersion }),
    username: longhorn,
  })
  t.ok(await atOnce(of('1')))
  t.notOk(await atOnce(of('1')))
  t.ok(await atOnce(of('2')))
})

t.test('a decision that took all of its time is not delayed further', async (t) => {
  const { gate, atOnce, clock } = puttingOff()
  t.ok(await atOnce({ ...evict, username: longhorn }))
  gate.answer = (change) => {
    clock.advance(2_500)
    return Promise.resolve(held(change))
  }
  t.ok(await atOnce({ ...evict, username: longhorn }, '4s'))
})
