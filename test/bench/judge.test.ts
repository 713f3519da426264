import { join } from 'node:path'
import t from 'tap'
import { judge, slowOnes } from '../../bench/report/judge.ts'
import { readRecord } from '../../bench/report/record.ts'
import { questions } from '../../bench/reviews/questions.ts'
import { root } from '../fixtures/root.ts'
import { figure } from './figures.ts'

const recorded = [figure({}), figure({ server: 'holdfast', rateShare: 0.8, cpuShare: 1.2 })]

/** What a run measures: the bare server, and Holdfast with these figures. */
function run(ours: Parameters<typeof figure>[0], bare: Parameters<typeof figure>[0] = {}) {
  return [figure(bare), figure({ server: 'holdfast', rateShare: 0.8, cpuShare: 1.2, ...ours })]
}

t.test('a review is too slow below half of the recorded share of the bare rate', (t) => {
  t.strictSame(slowOnes(run({ rateShare: 0.41 }), recorded), [])
  const found = "it reaches 0.39 of the bare server's rate, and reached 0.80"
  t.strictSame(slowOnes(run({ rateShare: 0.39 }), recorded), [{ question: 'passes', found }])
  t.end()
})

t.test('on a busy machine the CPU counts instead', (t) => {
  const busy = { coreShare: 0.3 }
  t.strictSame(slowOnes(run({ rateShare: 0.1, cpuShare: 2.3 }, busy), recorded), [])
  const found = "it takes 2.50 of the bare server's CPU, and took 1.20"
  t.strictSame(slowOnes(run({ rateShare: 0.8, cpuShare: 2.5 }, busy), recorded), [
    { question: 'passes', found },
  ])
  t.end()
})

t.test('a figure that could not be measured is too slow', (t) => {
  t.equal(slowOnes(run({ rateShare: NaN }), recorded).length, 1)
  t.equal(slowOnes(run({ cpuShare: NaN }, { coreShare: 0.3 }), recorded).length, 1)
  t.end()
})

t.test('each kind of review is on record, so that a run judges it', (t) => {
  const { reviews } = readRecord(join(root, 'bench/record.json'))
  const judged = reviews.filter(({ server }) => server === 'holdfast').map(({ question }) => question)
  t.strictSame(judged.toSorted(), [...questions].toSorted())
  t.end()
})

t.test('other servers may be as slow as they are', (t) => {
  const others = [...recorded, figure({ server: 'pepr', rateShare: 0.5 })]
  t.strictSame(slowOnes([...run({}), figure({ server: 'pepr', rateShare: 0.1 })], others), [])
  t.end()
})

t.test('a question that is on record has to be measured', (t) => {
  t.throws(() => slowOnes([], recorded), { message: 'passes was not measured' })
  t.end()
})

t.test('a good run is not measured again', async (t) => {
  let runs = 0
  const found = await judge(() => Promise.resolve(run({ rateShare: [0.8, 0.1][runs++] ?? 0 })), recorded)
  t.strictSame([found, runs], [[], 1])
})

t.test('one slow run is noise', async (t) => {
  let runs = 0
  const found = await judge(() => Promise.resolve(run({ rateShare: [0.1, 0.8][runs++] ?? 0 })), recorded)
  t.strictSame([found, runs], [[], 2])
})

t.test('two slow runs of one question are a finding', async (t) => {
  t.strictSame(await judge(() => Promise.resolve(run({ rateShare: 0.1 })), recorded), [
    "Holdfast is half as fast as it was, measured twice: it reaches 0.10 of the bare server's rate, and reached 0.80 (raises no danger, 9 KB).",
  ])
})

t.test('two slow runs of two questions are noise', async (t) => {
  const both = ['passes', 'denied'].flatMap((question) => recorded.map((each) => ({ ...each, question })))
  let slow = 'passes'
  const found = await judge(() => {
    const figures = both.map((each) =>
      each.server === 'holdfast' && each.question === slow ? { ...each, rateShare: 0.1 } : each,
    )
    slow = 'denied'
    return Promise.resolve(figures)
  }, both)
  t.strictSame(found, [])
})
