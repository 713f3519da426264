import t, { type Test } from 'tap'
import { Leadership, leaseMs } from '../../../src/server/rescue/leadership.ts'
import { pause } from '../../../src/time/clock.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'

/** A leadership whose election answers what the test says. */
function standing(t: Test) {
  const clock = new FakeClock()
  const events: string[] = []
  const election = {
    answer: true as boolean | Error,
    /** How long an answer takes; undefined: for ever. */
    ms: 0 as number | undefined,
    /** True if it does not heed its signal. */
    isDeaf: false,
    leads: async (limited: AbortSignal) => {
      const { answer, ms, isDeaf } = election
      const signal = isDeaf ? new AbortController().signal : limited
      if (ms !== 0) await pause(clock, ms ?? 2 ** 31, signal)
      signal.throwIfAborted()
      if (answer instanceof Error) throw answer
      return answer
    },
    resign: () => Promise.resolve(void events.push('resigned')),
  }
  const leadership = new Leadership({
    election,
    clock,
    onProblem: (error) => events.push(String(error)),
    onWell: () => undefined,
    onLead: (begins) => {
      world.won += 1
      if (begins) events.push('leads')
    },
  })
  const world = { won: 0, clock, election, leadership, events }
  t.teardown(() => leadership.stop())
  leadership.start()
  return world
}

t.test('a replica leads from its election on, and gets one event of it', async (t) => {
  const { clock, leadership, events } = standing(t)
  await clock.advanceStepwise(1)
  t.ok(leadership.leads)
  await clock.advanceStepwise(4 * leaseMs)
  t.ok(leadership.leads)
  t.strictSame(events, ['leads'])
})

t.test('a replica that cannot reach the Leases leads at most as long as they last', async (t) => {
  const { clock, election, leadership, events } = standing(t)
  await clock.advanceStepwise(1)
  election.answer = new Error('the API server is away')
  await clock.advanceStepwise(leaseMs)
  t.notOk(leadership.leads)
  t.match(events, ['leads', /is away/])
  election.answer = true
  await clock.advanceStepwise(leaseMs)
  t.ok(leadership.leads)
  t.equal(events.at(-1), 'leads')
})

t.test('a leader reports each election that it has won', async (t) => {
  const world = standing(t)
  await world.clock.advanceStepwise(2 * leaseMs + 1)
  t.equal(world.won, 7)
  t.strictSame(world.events, ['leads'])
})

t.test('a question without an answer ends, so that the next one is asked in time', async (t) => {
  const { clock, election, leadership, events } = standing(t)
  await clock.advanceStepwise(1)
  election.ms = undefined
  await clock.advanceStepwise(leaseMs / 3 + 1)
  election.ms = 0
  await clock.advanceStepwise(leaseMs)
  t.ok(leadership.leads)
  t.strictSame(events, ['leads', 'TimeoutError: there was no answer within 5 s'], 'it has led all the time')
})

t.test('a replica whose time ran out during its question begins to lead anew', async (t) => {
  const { clock, election, leadership, events } = standing(t)
  await clock.advanceStepwise(1)
  election.answer = new Error('the API server is away')
  await clock.advanceStepwise(leaseMs / 3)
  election.answer = true
  // It arrives as the time is up, before the question is given up.
  Object.assign(election, { ms: leaseMs / 3, isDeaf: true })
  await clock.advanceStepwise((2 * leaseMs) / 3 - 2)
  t.ok(leadership.leads, 'while it asks')
  Object.assign(election, { ms: 0, isDeaf: false })
  await clock.advanceStepwise(1)
  t.ok(leadership.leads)
  t.strictSame(events, ['leads', 'Error: the API server is away', 'leads'])
})

t.test('a replica that another one has replaced does not lead', async (t) => {
  const { clock, election, leadership } = standing(t)
  await clock.advanceStepwise(1)
  election.answer = false
  await clock.advanceStepwise(leaseMs)
  t.notOk(leadership.leads)
})

t.test('a replica that stops lets another one lead', async (t) => {
  const { clock, leadership, events } = standing(t)
  await clock.advanceStepwise(1)
  await leadership.stop()
  t.notOk(leadership.leads)
  t.strictSame(events, ['leads', 'resigned'])
})
