import t from 'tap'
import {
  defaultRepeatLimits,
  type Refusal,
  RepeatedRefusals,
} from '../../../src/doors/webhook/repeated-refusals.ts'
import { turns } from '../../fixtures/eventually.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'

const cleanUp: Refusal = {
  kind: 'backingimages',
  name: 'ubuntu',
  operation: 'UPDATE',
  version: '7',
  verdict: 'x',
}

/** Refusals that are put off by a clock of the test. */
function refusals(limits: Partial<typeof defaultRepeatLimits> = {}) {
  const clock = new FakeClock()
  const repeated = new RepeatedRefusals(clock, () => clock.now(), { ...defaultRepeatLimits, ...limits })
  const client = new AbortController()
  /** @param leftMs how long the caller can wait @returns how to see that it was answered */
  const ask = (parts: Partial<Refusal> = {}, leftMs = 10_000) => {
    const asked = { answered: false }
    const until = clock.now() + leftMs
    void repeated
      .putOff({ ...cleanUp, ...parts }, () => ({ until, signal: client.signal }))
      .then(() => (asked.answered = true))
    return asked
  }
  /** Asks, and moves on until it is answered. @returns how long that took, in milliseconds */
  const delayOf = async (parts: Partial<Refusal> = {}, leftMs = 10_000): Promise<number> => {
    const [asked, began] = [ask(parts, leftMs), clock.now()]
    await turns(1)
    while (!asked.answered) await clock.advanceStepwise(1)
    return clock.now() - began
  }
  return { clock, repeated, client, ask, delayOf }
}

t.test('the first refusal is answered at once, each repetition later, up to a second', async (t) => {
  const { delayOf } = refusals()
  const delays: number[] = []
  for (let n = 0; n < 9; n++) delays.push(await delayOf())
  t.strictSame(delays, [0, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000])
})

t.test('the next delay counts from when the answer left, not from when it was asked for', async (t) => {
  const { clock, delayOf } = refusals({ firstMs: 600, quietMs: 1_000 })
  await delayOf()
  t.equal(await delayOf(), 600)
  clock.advance(500)
  t.equal(await delayOf(), 1_000, 'it came half a second after the answer')
})

t.test(
  'without configuration it waits a second at most, and remembers no more than is bearable',
  async (t) => {
    const { ask, delayOf, repeated, clock } = refusals()
    for (let n = 0; n < 40; n++) {
      const delay = await delayOf()
      t.ok(delay <= 1_000, `${n}: ${delay}`)
    }
    for (let n = 0; n < 1_500; n++) ask({ name: `image-${n}` })
    t.equal(repeated.remembered, 1_000)
    for (let n = 1_400; n < 1_500; n++) ask({ name: `image-${n}` })
    await turns(1)
    t.equal(repeated.waiting, 64, 'all others leave at once')
    await clock.advanceStepwise(1_000)
    t.equal(repeated.waiting, 0)
  },
)

t.test('the delay starts again after some seconds of quiet', async (t) => {
  const { clock, delayOf } = refusals()
  await delayOf()
  clock.advance(4_999)
  t.equal(await delayOf(), 50)
  clock.advance(5_000)
  t.equal(await delayOf(), 0)
})

t.test('another version of the object and another verdict are answered at once', async (t) => {
  const { delayOf } = refusals()
  await delayOf()
  t.equal(await delayOf(), 50)
  t.equal(await delayOf({ version: '8' }), 0, 'another version')
  t.equal(await delayOf({ version: '8' }), 50)
  t.equal(await delayOf({ version: '8', verdict: 'y' }), 0, 'another verdict')
  t.equal(await delayOf({ version: '8', name: 'debian' }), 0, 'another object')
  t.equal(await delayOf({ version: '8', operation: 'DELETE' }), 0, 'another operation')
  t.equal(await delayOf({ version: '8', kind: 'nodes' }), 0, 'another kind of that name')
  t.equal(await delayOf({ version: '8' }), 100, 'requests in between do not count')
})

t.test('no answer is put off longer than the caller can wait', async (t) => {
  const { delayOf, repeated } = refusals()
  for (let n = 0; n < 7; n++) await delayOf()
  t.equal(await delayOf({}, 300), 300)
  t.equal(await delayOf({}, 0), 0)
  t.equal(await delayOf({}, -5), 0)
  t.equal(repeated.delayed, 7, 'those that left at once were not delayed')
})

t.test('the delay ends for a caller that goes away', async (t) => {
  const { client, ask, repeated, clock } = refusals()
  ask()
  const asked = ask()
  await turns(1)
  t.equal(repeated.waiting, 1)
  client.abort()
  await turns(1)
  t.strictSame([asked.answered, repeated.waiting, clock.pending], [true, 0, 0])
  const gone = ask()
  await turns(1)
  t.ok(gone.answered, 'nor one that has gone before')
})

t.test('at a stop all answers leave at once', async (t) => {
  const { repeated, ask, clock } = refusals()
  ask()
  const asked = [ask(), ask(), ask()]
  repeated.stop()
  asked.push(ask())
  await turns(1)
  t.ok(asked.every(({ answered }) => answered))
  t.strictSame([repeated.waiting, clock.pending], [0, 0])
})

t.test('beyond the limit of delayed answers the next one leaves at once', async (t) => {
  const { ask, repeated } = refusals({ maxWaiting: 2 })
  ask()
  const [first, second, third] = [ask(), ask(), ask()]
  await turns(1)
  t.strictSame([first.answered, second.answered, third.answered], [false, false, true])
  t.equal(repeated.waiting, 2)
})

t.test(
  'the number of remembered denials is limited, and the one unseen for longest is forgotten',
  async (t) => {
    const { delayOf, repeated } = refusals({ maxRemembered: 2 })
    for (const name of ['a', 'b', 'a', 'c']) await delayOf({ name })
    t.equal(repeated.remembered, 2)
    t.equal(await delayOf({ name: 'a' }), 100)
    t.equal(await delayOf({ name: 'b' }), 0)
  },
)
