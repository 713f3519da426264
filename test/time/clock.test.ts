import t from 'tap'
import { systemClock, timerMs } from '../../src/time/clock.ts'

t.test('a timer for a time that has passed fires at once', (t) => {
  t.equal(timerMs(-46.08), 0)
  t.end()
})

t.test('a timer that is longer than Node’s longest does not fire at once', async (t) => {
  t.equal(timerMs(1), 1)
  let fired = 0
  for (const ms of [2 ** 31, 1e300, Infinity]) t.teardown(systemClock.setTimer(ms, () => (fired += 1)))
  // Timers of Node fire in their order: whatever it takes for 1 ms comes before this.
  await new Promise<void>((resolve) => systemClock.setTimer(5, resolve))
  t.equal(fired, 0)
})
