import t, { type Test } from 'tap'
import { FollowedGuard } from '../../src/commands/ui/followed-guard.ts'
import { livePage } from '../../src/commands/ui/live-page.ts'
import { policyPart } from '../../src/page/parts.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { systemClock } from '../../src/time/clock.ts'
import { eventually } from '../fixtures/eventually.ts'
import { record } from '../observability/records.ts'
import { PageWorld, smallCluster } from '../page/page-world.ts'

/** The next look comes at once. */
const short = { usually: 20, whileMissing: 20 }

/** A replica of this name, and what it holds. */
async function replica(t: Test, name: string, clock = systemClock) {
  const world = new PageWorld(smallCluster(), clock)
  world.guard = { ...world.guard, replicas: [{ replica: name, version: '0.1.0', synced: true }] }
  const { url, close } = await world.serve(t)
  return { name, world, url, close }
}

/** What follows all replicas that run. */
function following(t: Test, running: { name: string; url: string }[]) {
  const reached: string[] = []
  const guard = new FollowedGuard(
    async (_signal, _note, isKnown) => {
      if (running.length === 0) throw new Error('no replica runs')
      const others = running.filter(({ name }) => !isKnown(name))
      reached.push(...others.map(({ name }) => name))
      return await Promise.resolve(others.map(({ name, url }) => ({ name, url, close: () => undefined })))
    },
    systemClock,
    short,
  )
  const ended = new AbortController()
  const run = guard.run(ended.signal)
  t.teardown(async () => {
    ended.abort()
    await run
  })
  return { guard, reached, names: () => guard.guard.replicas.map((each) => each.replica).toSorted() }
}

t.test(
  'the page still shows the holds of one replica after the other dies, and names the missing one',
  async (t) => {
    const [one, two] = [await replica(t, 'one'), await replica(t, 'two')]
    const running = [one, two]
    const { guard, names } = following(t, running)
    one.world.hold({ user: 'anna', id: 'one/1' })
    two.world.hold({ user: 'bob', id: 'two/1' })
    await eventually(() => guard.waiting.length === 2)
    t.equal(guard.guard.problem, null)
    const seen: number[] = []
    guard.subscribe(() => seen.push(guard.waiting.length))
    await two.close()
    await eventually(() => guard.guard.problem !== null)
    t.match(guard.guard.problem, /^Replica two cannot be asked, so the requests that wait there/)
    t.strictSame(names(), ['one'])
    t.match(guard.waiting, [{ user: 'anna' }])
    running.pop()
    await eventually(() => guard.guard.problem === null, 'it no longer runs, so nothing is missing')
    t.strictSame(names(), ['one'])
    t.notOk(seen.includes(0), 'at no moment did it look as if no request waited')
  },
)

t.test('a replica that starts later is followed too, and the others keep their connection', async (t) => {
  const running = [await replica(t, 'one')]
  const { guard, reached, names } = following(t, running)
  await eventually(() => names().length === 1)
  const two = await replica(t, 'two')
  running.push(two)
  two.world.hold({ user: 'bob' })
  await eventually(() => guard.waiting.length === 1)
  t.strictSame(names(), ['one', 'two'])
  t.strictSame(reached, ['one', 'two'])
})

t.test('without a replica it says why, and goes on as soon as there is one', async (t) => {
  const running: Awaited<ReturnType<typeof replica>>[] = []
  const { guard, names } = following(t, running)
  await eventually(() => guard.guard.problem?.includes('no replica runs') ?? false)
  t.match(guard.guard, { mode: null, rules: null, replicas: [] })
  running.push(await replica(t, 'one'))
  await eventually(() => names().length === 1)
  t.match(guard.guard, { mode: 'enforce', problem: null })
})

t.test('a record comes once, however often its replica is found again', async (t) => {
  const one = await replica(t, 'one')
  one.world.records.write(record({ uid: 'first' }))
  const running = [one]
  const { guard, reached } = following(t, running)
  await eventually(() => guard.records.lines().length === 1)
  one.world.records.write(record({ uid: 'while it is followed' }))
  await eventually(() => guard.records.lines().length === 2)
  t.strictSame(reached, ['one'], 'a record that comes alone breaks no connection')
  await one.close()
  await eventually(() => guard.guard.problem !== null)
  await one.world.serve(t, Number(new URL(one.url).port))
  one.world.records.write(record({ uid: 'second' }))
  await eventually(() => guard.records.lines().length === 3)
  t.match(guard.records.lines(), [/"first"/, /"while it is followed"/, /"second"/])
})

t.test(
  'waits keep their length when the clocks of the two machines drift apart, as after a suspend',
  async (t) => {
    let ahead = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead }
    const one = await replica(t, 'one', clock)
    const { guard } = following(t, [one])
    one.world.hold({ since: clock.monotonic() - 5_000 })
    await eventually(() => guard.waiting.length === 1)
    const waitedMs = () => systemClock.monotonic() - (guard.waiting[0]?.since ?? 0)
    t.ok(waitedMs() >= 5_000 && waitedMs() < 65_000, `${waitedMs()} ms`)
    // This machine was suspended for an hour, and its clock stood still.
    ahead = 3_600_000
    one.world.release()
    one.world.hold({ since: clock.monotonic() - 3_605_000 })
    await eventually(() => waitedMs() > 3_600_000, 'the wait is as long as the replica says')
    t.ok(waitedMs() < 3_665_000, `${waitedMs()} ms`)
  },
)

t.test('a page of all replicas judges as the guard is configured', async (t) => {
  const one = await replica(t, 'one')
  const policy = policyPart({ ...defaultPolicy, release: 'v1.9.1', settleMs: 2_000 })
  one.world.guard = { ...one.world.guard, policy }
  const { guard, names } = following(t, [one])
  const { map } = smallCluster()
  const live = { map, ageMs: () => 0, outage: undefined, unreadable: [], subscribe: () => () => undefined }
  const source = { name: 'lab', namespace: 'longhorn-system', flags: '' }
  const page = livePage({ live, source, guard, clock: systemClock })
  t.match(page.parts().longhorn, { release: 'v1.8.0', profile: 'A' }, 'as it runs, while no guard tells more')
  await eventually(() => names().length === 1)
  t.match(page.parts().longhorn, { release: 'v1.9.1', profile: 'C' })
  t.match(page.whatIf.policy, { release: 'v1.9.1', settleMs: 2_000 })
  t.match(page.parts().source, { name: 'lab', namespace: 'longhorn-system' })
})
