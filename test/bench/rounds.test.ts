import t from 'tap'
import { figuresOf } from '../../bench/contest/rounds.ts'

/** A turn of one second. */
function turn(answers: number, cpuMs = 1_000, tookMs: readonly number[] = []) {
  return { answers, seconds: 1, cpuMs, tookMs }
}

t.test(
  'shares are of the same round, so a round that all had less of the machine counts like the others',
  (t) => {
    const bare = [turn(1_000), turn(100), turn(900)]
    const ours = [turn(800), turn(80), turn(720)]
    const { rateShare, cpuShare, aSecond } = figuresOf(ours, bare)
    t.equal(rateShare, 0.8)
    t.equal(cpuShare, 1.25)
    t.equal(aSecond, 720)
    t.end()
  },
)

t.test('the p99 is compared within a round too', (t) => {
  const answers = (slowest: number) => turn(100, 1_000, [...Array<number>(99).fill(1), slowest])
  const { p99Share, p99Ms } = figuresOf(
    [answers(3), answers(30), answers(6)],
    [answers(2), answers(40), answers(4)],
  )
  t.equal(p99Share, 1.5)
  t.equal(p99Ms, 3)
  t.end()
})

t.test('CPU is that of one answer, and the share of the core that of the time', (t) => {
  const { cpuUs, coreShare } = figuresOf([turn(1_000, 500)], [turn(1_000)])
  t.equal(cpuUs, 500)
  t.equal(coreShare, 0.5)
  t.end()
})

t.test('times of answers are counted over all turns', (t) => {
  const took = Array.from({ length: 100 }, (_, ms) => ms)
  const { p50Ms, p99Ms } = figuresOf([turn(50, 1, took.slice(50)), turn(50, 1, took.slice(0, 50))], [])
  t.strictSame([p50Ms, p99Ms], [50, 99])
  t.end()
})
