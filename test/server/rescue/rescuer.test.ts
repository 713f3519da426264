import t, { type Test } from 'tap'
import { ChangeBus } from '../../../src/gate/change-bus.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { Rescuer } from '../../../src/server/rescue/rescuer.ts'
import type { GuardWrite, WriteResult } from '../../../src/server/rescue/tend-node.ts'
import { pause } from '../../../src/time/clock.ts'
import { cluster, releases } from '../../fixtures/cluster.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'

const maxAgeMs = 30_000
const note = { node: false, disks: ['d1'], at: '', by: 'guard', guard: { generation: 1 } }
const noted = { metadata: { annotations: { [rescueAnnotation]: JSON.stringify(note) }, generation: 1 } }
const lost: WriteResult = { outcome: 'failed', why: 'no answer', ms: 0, mayBeWritten: true }
const denied: WriteResult = { outcome: 'failed', why: 'denied', ms: 0 }

/** A rescuer of n1, whose flag the guard has cleared; the note stays, whatever is written. */
function rescuer(t: Test, tried: WriteResult = { outcome: 'written' }) {
  const clock = new FakeClock()
  const { map } = cluster(releases.A)
    .node('n1', [disk('d1', { allowScheduling: false })], noted)
    .node('n2', [disk('d2')])
    .image('ubuntu', [ready('d1'), ready('d2')])
  const steps: GuardWrite['step'][] = []
  const stopping = new AbortController()
  const world = { leads: true, ageMs: 0, steps, clock }
  const tended = new Rescuer({
    ...{ map, clock, maxAgeMs, policy: defaultPolicy, changes: new ChangeBus(), signal: stopping.signal },
    freshness: { synced: true, ageMs: () => world.ageMs },
    writes: {
      isReal: () => Promise.resolve(true),
      write: async (_, { step }) => {
        steps.push(step)
        await pause(clock, 1_000, stopping.signal)
        return tried
      },
    },
    leads: () => world.leads,
    onNews: () => undefined,
  })
  t.teardown(async () => {
    stopping.abort()
    await tended.stop()
  })
  return { clock, steps, world, tended }
}

const { settleMs } = defaultPolicy
const hourMs = 60 * 60_000

t.test('flags go up once the rescuer has watched for as long as Longhorn takes to notice', async (t) => {
  const { clock, steps } = rescuer(t)
  await clock.advanceStepwise(settleMs - 1_000)
  t.strictSame(steps, [])
  await clock.advanceStepwise(2_000)
  t.equal(steps[0], 'raise')
})

for (const [title, change, back] of [
  ['a replica that does not lead any longer writes nothing', { leads: false }, { leads: true }],
  ['a replica whose disk map is too old writes nothing', { ageMs: maxAgeMs + 1 }, { ageMs: maxAgeMs }],
] as const)
  t.test(title, async (t) => {
    const { world, clock, steps, tended } = rescuer(t)
    await clock.advanceStepwise(settleMs - 1_000)
    Object.assign(world, change)
    await clock.advanceStepwise(60_000)
    tended.lookSoon()
    await clock.advanceStepwise(60_000)
    t.strictSame(steps, [])
    t.equal(tended.tended, 0)
    Object.assign(world, back)
    tended.lookSoon()
    await clock.advanceStepwise(1_000)
    t.equal(steps[0], 'raise', 'it goes on at the next look')
  })

t.test('the fourth raise of a node within an hour is left to a person', async (t) => {
  const { clock, steps } = rescuer(t)
  await clock.advanceStepwise(settleMs + 10)
  for (let turn = 0; turn < 4; turn += 1) await clock.advanceStepwise(1_000)
  t.strictSame(steps.slice(0, 4), ['raise', 'raise', 'raise', 'hand-over'])
})

t.test('an hour after the first raise of a node another one is due', async (t) => {
  const { clock, steps } = rescuer(t)
  await clock.advanceStepwise(settleMs + 10)
  for (let turn = 0; turn < 4; turn += 1) await clock.advanceStepwise(1_000)
  const before = steps.length
  await clock.advanceStepwise(hourMs)
  t.ok(steps.slice(before).includes('raise'))
})

t.test('a raise whose answer is lost counts as one', async (t) => {
  const { clock, steps } = rescuer(t, lost)
  await clock.advanceStepwise(settleMs + 60_000)
  t.strictSame(steps.slice(0, 4), ['raise', 'raise', 'raise', 'hand-over'])
})

t.test('a raise that is denied does not count', async (t) => {
  const { clock, steps } = rescuer(t, denied)
  await clock.advanceStepwise(settleMs + 120_000)
  t.ok(steps.length > 3)
  t.strictSame(new Set(steps), new Set(['raise']))
})
