import t from 'tap'
import { turns } from '../fixtures/eventually.ts'
import { Pace } from '../../src/time/pace.ts'

/** A pace whose time and turns are in the hands of the test. */
function paced() {
  const later: (() => void)[] = []
  const at = { ms: 0 }
  const pace = new Pace(
    () => at.ms,
    (go) => void later.push(go),
  )
  /** Lets the event loop turn once. */
  const turn = async (): Promise<void> => {
    later.shift()?.()
    await turns()
  }
  return { pace, at, turn, later }
}

t.test('each piece of work begins in a turn of its own', async (t) => {
  const { pace, turn, later } = paced()
  const began: string[] = []
  for (const piece of ['one', 'two', 'three']) void pace.turn().then(() => began.push(piece))
  await turns()
  t.strictSame(began, [])
  for (const sofar of [['one'], ['one', 'two'], ['one', 'two', 'three']]) {
    await turn()
    t.strictSame(began, sofar)
  }
  t.strictSame(later, [], 'nothing is waited for any longer')
  void pace.turn().then(() => began.push('four'))
  await turn()
  t.equal(began.at(-1), 'four')
})

t.test('a piece goes on until it has taken its time', async (t) => {
  const { pace, at, turn } = paced()
  t.ok(pace.turnOver(), 'a piece begins with a turn')
  await turn()
  t.equal(pace.turnOver(), undefined)
  at.ms = 4
  t.equal(pace.turnOver(), undefined)
  at.ms = 5
  const over = pace.turnOver()
  t.ok(over)
  await turn()
  await over
  t.equal(pace.turnOver(), undefined, 'the next has its own time')
})

t.test('what asks in its own turn comes after all that waits', async (t) => {
  const { pace, turn } = paced()
  const began: string[] = []
  void pace.turn().then(() => {
    began.push('one')
    void pace.turn().then(() => began.push('one again'))
  })
  void pace.turn().then(() => began.push('two'))
  for (let count = 0; count < 3; count += 1) await turn()
  t.strictSame(began, ['one', 'two', 'one again'])
})
