import t, { type Test } from 'tap'
import { Leadership, leaseMs } from '../../../src/server/rescue/leadership.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'

/** A leadership whose election answers what the test says. */
function standing(t: Test) {
  const clock = new FakeClock()
  const told: string[] = []
  const election = {
    answer: true as boolean | Error,
    leads: () =>
      election.answer instanceof Error ? Promise.reject(election.answer) : Promise.resolve(election.answer),
    resign: () => Promise.resolve(void told.push('resigned')),
  }
  const leadership = new Leadership({
    election,
    clock,
    onProblem: (error) => told.push(String(error)),
    onWell: () => undefined,
    onLead: () => told.push('leads'),
  })
  t.teardown(() => leadership.stop())
  leadership.start()
  return { clock, election, leadership, told }
}

t.test('a replica leads from its election on, and is told so once', async (t) => {
  const { clock, leadership, told } = standing(t)
  await clock.advanceStepwise(1)
  t.ok(leadership.leads)
  await clock.advanceStepwise(4 * leaseMs)
  t.ok(leadership.leads)
  t.strictSame(told, ['leads'])
})

t.test('a replica that cannot reach the Leases leads no longer than they last', async (t) => {
  const { clock, election, leadership, told } = standing(t)
  await clock.advanceStepwise(1)
  election.answer = new Error('the API server is away')
  await clock.advanceStepwise(leaseMs)
  t.notOk(leadership.leads)
  t.match(told, ['leads', /is away/])
  election.answer = true
  await clock.advanceStepwise(leaseMs)
  t.ok(leadership.leads)
  t.equal(told.at(-1), 'leads')
})

t.test('a replica that another one has replaced does not lead', async (t) => {
  const { clock, election, leadership } = standing(t)
  await clock.advanceStepwise(1)
  election.answer = false
  await clock.advanceStepwise(leaseMs)
  t.notOk(leadership.leads)
})

t.test('a replica that stops lets another one lead', async (t) => {
  const { clock, leadership, told } = standing(t)
  await clock.advanceStepwise(1)
  await leadership.stop()
  t.notOk(leadership.leads)
  t.strictSame(told, ['leads', 'resigned'])
})
