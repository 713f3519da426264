import fc from 'fast-check'
import t from 'tap'
import { answerTo } from '../../src/gate/answer.ts'
import { type Verdict, verdictOn } from '../../src/gate/verdict.ts'
import { type AuditRecord, parseRecord } from '../../src/observability/audit-record.ts'
import { AuditTrail } from '../../src/observability/audit-trail.ts'
import { judge } from '../../src/rules/judge.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, longhornAccount, moment, noon, request } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { said } from '../fixtures/said.ts'

const world = cluster('v1.8.0')
  .node('n1', [disk('d1')])
  .image('ubuntu', [pending('d1'), ready('d2')])
const change = world.toNode('n1', [disk('d1')], { evictionRequested: true }, { actor: longhornAccount })
const held = verdictOn(judge(change, world.map, defaultPolicy, moment(noon)))
const instant = { totalMs: 0.2504, heldMs: 0 }
const withinMs = 1_000

/** One other account must not wait. */
const policy = { ...defaultPolicy, impatient: ['robot'] }

/** A trail with one sink that remembers. */
function trailing() {
  const records: AuditRecord[] = []
  const clock = new FakeClock()
  const trail = new AuditTrail({
    sinks: [{ name: 'memory', write: (record) => void records.push(record) }],
    clock,
    circumstances: () => ({ replica: 'holdfast-1', release: 'v1.8.0', profile: 'A', ageMs: 80.4, policy }),
  })
  return { trail, clock, records }
}

t.test('a record has the user, the request, the decision, its reason and the age of the map', async (t) => {
  const { trail, records } = trailing()
  await trail.decided(change, held, { totalMs: 1_500.2504, heldMs: 1_500 }, withinMs)
  t.match(records, [
    {
      schema: 'holdfast.dev/audit/v1',
      time: '2026-11-23T12:00:00.000Z',
      replica: 'holdfast-1',
      uid: 'request-1',
      door: 'webhook',
      actor: { user: longhornAccount.username, groups: longhornAccount.groups },
      object: { kind: 'Node', name: 'n1' },
      operation: 'UPDATE',
      dryRun: false,
      verdict: 'refuse',
      findings: [{ rule: 'eviction-during-cleanup', effect: 'hold', subjects: [{ image: 'ubuntu' }] }],
      waitedMs: 1_500,
      decisionMs: 0.25,
      longhorn: { release: 'v1.8.0', profile: 'A' },
      diskMapAgeMs: 80,
      count: 1,
    },
  ])
  t.end()
})

t.test('a hold is on record as what its user gets: a denial for an account that must not wait', async (t) => {
  const { trail, records } = trailing()
  for (const [actor, code, verdict] of [
    [longhornAccount, 403, 'refuse'],
    [{ username: 'robot', groups: [] }, 403, 'refuse'],
    [{ username: 'ann', groups: [] }, 429, 'hold'],
  ] as const) {
    const asked = { ...change, request: { ...change.request, actor } }
    await trail.decided(asked, held, instant, withinMs)
    const answer = answerTo(asked, held, { policy, map: world.map, retryAfterSeconds: 1 })
    t.match([answer, records.at(-1)], [{ status: { code } }, { verdict }], actor.username)
  }
})

t.test('a change that passes at once without a warning is not recorded', (t) => {
  const { trail, records } = trailing()
  const decided = (verdict: Verdict, heldMs = 0) =>
    trail.decided(change, verdict, { totalMs: heldMs, heldMs }, withinMs)
  decided({ decision: 'allow', warnings: [] })
  t.equal(records.length, 0)
  const [warning] = held.warnings
  decided({ decision: 'allow', warnings: warning ? [warning] : [] }, 0)
  decided({ decision: 'allow', warnings: [] }, 900)
  decided({ decision: 'allow', warnings: [], override: { reason: 'fire' } })
  decided({ decision: 'allow', warnings: [], unjudged: 'disk-map-too-old' })
  decided({ decision: 'allow', warnings: [], mark: 'uninstalling' })
  decided({ decision: 'unavailable', why: 'not-confirmed', warnings: [] })
  t.match(
    records.map(({ verdict, waitedMs, override, why, mark }) => [
      verdict,
      waitedMs,
      override?.reason ?? mark,
      why,
    ]),
    [
      ...(warning ? [['allow', 0]] : []),
      ['allow', 900],
      ['allow', 0, 'fire'],
      ['allow', 0, undefined, 'disk-map-too-old'],
      ['allow', 0, 'uninstalling', undefined],
      ['unavailable', 0, undefined, 'not-confirmed'],
    ],
  )
  t.end()
})

t.test('50 refusals a second for a minute are seven records, and their counts add up', async (t) => {
  const { trail, clock, records } = trailing()
  for (let tick = 0; tick < 3_000; tick += 1) {
    await trail.decided(change, held, instant, withinMs)
    clock.advance(20)
  }
  await trail.stop()
  t.ok(records.length <= 7, `${records.length} records`)
  t.equal(
    records.reduce((all, { count }) => all + count, 0),
    3_000,
  )
  t.match(records[1], { since: '2026-11-23T12:00:00.020Z', time: '2026-11-23T12:00:09.980Z', count: 499 })
  t.equal(clock.pending, 0)
})

t.test('a denial that is given again counts as another, with its own time and uid', async (t) => {
  const { trail, clock, records } = trailing()
  await trail.decided(change, held, instant, withinMs)
  clock.advance(700)
  const again = { ...change, request: { ...change.request, uid: 'request-2' } }
  await trail.decided(again, held, { totalMs: 0.5, heldMs: 0, isRepeated: true }, withinMs)
  t.equal(records.length, 1)
  clock.advance(10_000)
  t.match(records[1], { uid: 'request-2', time: '2026-11-23T12:00:00.700Z', decisionMs: 0.5, count: 1 })
  t.strictSame(records[1]?.findings, records[0]?.findings)
  await trail.stop()
})

t.test('decisions that call for different actions are counted separately', async (t) => {
  const { trail, records } = trailing()
  await trail.decided(change, held, instant, withinMs)
  await trail.decided({ ...change, request: request({ dryRun: true }) }, held, instant, withinMs)
  await trail.decided({ ...change, request: request() }, held, instant, withinMs)
  await trail.decided(world.toNode('n9', [disk('d1')], { evictionRequested: true }), held, instant, withinMs)
  t.equal(records.length, 4)
})

t.test('every record fits the schema', async () => {
  const text = fc.string({ maxLength: 12 })
  const finding = fc.record({
    rule: fc.constantFrom('copy-in-use' as const, 'eviction-budget' as const),
    effect: fc.constant('warn' as const),
    subjects: fc.array(fc.record({ node: text, image: text }, { requiredKeys: [] }), { maxLength: 3 }),
    doing: text,
    found: text,
    why: text,
    next: text,
    look: fc.array(text, { maxLength: 2 }),
  })
  const verdict = fc.record({ warnings: fc.array(finding, { minLength: 1, maxLength: 3 }) })
  await fc.assert(
    fc.asyncProperty(verdict, fc.boolean(), async ({ warnings }, unavailable) => {
      const { trail, records } = trailing()
      await trail.decided(
        change,
        unavailable
          ? { decision: 'unavailable', why: 'not-confirmed', warnings }
          : { decision: 'allow', warnings },
        instant,
        withinMs,
      )
      await trail.stop()
      const [one] = records
      const read = parseRecord(JSON.parse(JSON.stringify(one)))
      return records.length === 1 && read.ok
    }),
    { numRuns: 100 },
  )
})

t.test('no record is long, whatever the request', (t) => {
  const { trail, records } = trailing()
  const long = 'x'.repeat(100_000)
  const actor = { username: long, groups: Array.from({ length: 1_000 }, (_, n) => `${n}${long}`) }
  const subjects = Array.from({ length: 1_000 }, () => ({ node: long, disk: long, image: long }))
  const found = { rule: 'eviction-budget', effect: 'warn', subjects, ...said(long), next: long } as const
  const warnings = Array.from({ length: 1_000 }, () => found)
  trail.decided(
    { ...change, request: request({ actor, uid: long }) },
    { decision: 'allow', warnings, override: { reason: long } },
    instant,
    withinMs,
  )
  const [one] = records
  if (!one) throw new Error('nothing is on record')
  t.ok(JSON.stringify(one).length < 65_536, `${JSON.stringify(one).length} characters`)
  t.equal(one.override?.reason, `${'x'.repeat(1_023)}…`)
  t.equal(one.actor.user.length, 1_024)
  t.equal(one.actor.groups.at(-1), '… and 936 more')
  t.ok(one.findings.length >= 1)
  t.ok(parseRecord(one).ok)
  t.end()
})

t.test('counted decisions are bounded in memory; more are recorded one by one', async (t) => {
  const { trail, clock, records } = trailing()
  const long = 'x'.repeat(1_024)
  const ask = (n: number) => {
    const actor = { username: `${n} ${long}`, groups: Array.from({ length: 64 }, (_, g) => `${g}${long}`) }
    return trail.decided({ ...change, request: request({ actor }) }, held, instant, withinMs)
  }
  for (let n = 0; n < 1_000; n += 1) await ask(n)
  for (let n = 0; n < 1_000; n += 1) await ask(n)
  const again = records.length - 1_000
  t.ok(again > 500, `${again} of 1,000 repeated denials are recorded again`)
  clock.advance(60_000)
  for (let n = 0; n < 200; n += 1) await ask(2_000 + n)
  for (let n = 0; n < 200; n += 1) await ask(2_000 + n)
  t.equal(records.length, 2_200, 'the later denials are counted, since the old counters have ended')
  await trail.stop()
  t.equal(clock.pending, 0)
})

t.test('an answer waits for every sink', async (t) => {
  let finish: () => void = () => undefined
  const slow = new Promise<void>((resolve) => void (finish = resolve))
  const trail = new AuditTrail({
    sinks: [{ name: 'slow', write: () => slow }],
    clock: new FakeClock(),
    circumstances: () => ({
      replica: 'r',
      release: undefined,
      profile: 'A',
      ageMs: Infinity,
      policy: defaultPolicy,
    }),
  })
  let done = false
  const recorded = Promise.resolve(trail.decided(change, held, instant, withinMs)).then(() => (done = true))
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(done, false)
  finish()
  await recorded
  await trail.stop()
})
