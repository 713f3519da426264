import t from 'tap'
import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { ClockSkew } from '../../src/kubernetes/leases/clock-skew.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

const signal = new AbortController().signal

/** A connection to an API server whose clock shows this, and which takes so long. */
function serverAt(clock: FakeClock, aheadMs: number, tookMs = 0): Connection {
  return {
    server: 'http://api',
    namespace: undefined,
    inPod: false,
    request: () => {
      const date = new Date(clock.now() + aheadMs).toUTCString()
      clock.advance(tookMs)
      return Promise.resolve({
        status: 200,
        headers: { date },
        body: none(),
        text: () => Promise.resolve(''),
      })
    },
    close: () => undefined,
  }
}

async function* none(): AsyncGenerator<Buffer, void> {
  await Promise.resolve()
  yield Buffer.from('')
}

t.test('the clock of the API server is compared by the dates of its answers', async (t) => {
  const clock = new FakeClock()
  const skew = new ClockSkew(clock)
  t.equal(skew.seconds(), 0)
  await skew.watching(serverAt(clock, 60_000)).request({ method: 'GET', path: '/', signal })
  t.ok(Math.abs(skew.seconds() - 60) <= 1)
  await skew.watching(serverAt(clock, -900_000, 5_000)).request({ method: 'GET', path: '/', signal })
  t.ok(Math.abs(skew.seconds() - 60) <= 1, 'a slow answer does not count')
})

t.test(
  'the clock of a replica is compared by the times in its Leases, the least delayed of ten minutes',
  (t) => {
    const clock = new FakeClock()
    const skew = new ClockSkew(clock)
    skew.renewed('one', clock.now() - 30_000)
    t.equal(skew.seconds(), -30)
    skew.renewed('one', clock.now() - 2_000)
    t.equal(skew.seconds(), -2)
    skew.renewed('one', clock.now() - 45_000)
    t.equal(skew.seconds(), -2, 'a Lease that arrives late does not count')
    skew.renewed('two', clock.now() + 120_000)
    t.equal(skew.seconds(), 120)
    clock.advance(600_001)
    t.equal(skew.seconds(), 0, 'an old observation does not count')
    skew.renewed('one', clock.now() - 45_000)
    t.equal(skew.seconds(), -45)
    t.end()
  },
)
