import t from 'tap'
import { TrendRing, joined, stepMs } from '../../src/page/trend.ts'
import { longhornAccount, request } from '../fixtures/cluster.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'

t.test('the trend counts by steps and keeps an hour', (t) => {
  const clock = new FakeClock()
  const ring = new TrendRing(() => ({ pending: 2, holds: 1 }), clock, defaultPolicy)
  const by = (username: string) => ({ request: request({ actor: { username, groups: [] } }) })
  ring.decided(by('ann'), { decision: 'refuse' })
  ring.decided(by('ann'), { decision: 'hold' })
  // It gets 403 at once.
  ring.decided(by(longhornAccount.username), { decision: 'hold' })
  clock.advance(stepMs)
  t.strictSame(ring.trend().points, [{ pending: 2, holds: 1, allowed: 0, held: 1, denied: 2 }])
  clock.advance(stepMs * 1_000)
  t.equal(ring.trend().points.length, 360)
  ring.stop()
  t.equal(clock.pending, 0)
  t.end()
})

t.test('a hold and a clean-up that are shorter than a step are in it', (t) => {
  const clock = new FakeClock()
  let now = { pending: 0, holds: 0 }
  const ring = new TrendRing(() => now, clock, defaultPolicy)
  clock.advance(2_500)
  now = { pending: 3, holds: 1 }
  clock.advance(1_500)
  now = { pending: 0, holds: 0 }
  clock.advance(stepMs * 2 - 4_000)
  ring.stop()
  t.match(ring.trend().points, [
    { pending: 3, holds: 1 },
    { pending: 0, holds: 0 },
  ])
  t.end()
})

t.test('trends of several replicas are joined from the end', (t) => {
  const point = { pending: 1, holds: 1, allowed: 0, held: 2, denied: 0 }
  const trend = (points: number) =>
    ({
      apiVersion: 'holdfast.dev/v1',
      kind: 'Trend',
      stepMs,
      points: Array.from({ length: points }, () => point),
    }) as const
  t.strictSame(joined([trend(2), trend(1)]).points, [point, { ...point, holds: 2, held: 4 }])
  t.strictSame(joined([]).points, [])
  t.end()
})
