import t from 'tap'
import { createLog } from '../../src/observability/log.ts'
import { ProblemLog } from '../../src/observability/problem-log.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

function problemLog() {
  const lines: Record<string, unknown>[] = []
  const clock = new FakeClock()
  const log = createLog('info', {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  const problems = new ProblemLog(log, clock)
  const fail = (text: string) => problems.error({ err: new Error(text) }, 'it failed')
  return { lines, clock, problems, fail }
}

t.test('two problems that alternate are each logged once while they last', (t) => {
  const { lines, clock, fail } = problemLog()
  for (let second = 0; second < 300; second += 1) {
    fail('no such namespace')
    fail('no such Secret')
    clock.advance(1_000)
  }
  t.match(lines, [{ err: { message: 'no such namespace' } }, { err: { message: 'no such Secret' } }])
  t.equal(lines.length, 2)
  t.end()
})

t.test('a problem that lasts for ten minutes is logged again, with its count', (t) => {
  const { lines, clock, fail } = problemLog()
  for (let second = 0; second <= 600; second += 1) {
    fail('no such namespace')
    clock.advance(1_000)
  }
  t.equal(lines.length, 2)
  t.match(lines[1], { repeated: 599, msg: 'it failed' })
  t.end()
})

t.test('a problem that returns after a recovery is logged at once', (t) => {
  const { lines, clock, problems, fail } = problemLog()
  fail('away')
  problems.well()
  fail('away')
  t.equal(lines.length, 2)
  clock.advance(61_000)
  fail('away')
  t.equal(lines.length, 3, 'the problem is logged again after a minute without it')
  t.end()
})

t.test('numbers and identities do not make another problem of it', (t) => {
  const { lines, problems } = problemLog()
  for (const uid of ['6b4b4a55-0f43-4a53-9d0f-0b1a1a7d5b11', '0f0e7c3a-2d5d-4f3b-8d5c-7a5d2a1b9c22'])
    for (const version of [1, 22]) problems.warn({ why: `pod ${uid} has version ${version}` }, 'it is behind')
  t.equal(lines.length, 1)
  problems.warn({ why: 'another' }, 'it is behind')
  problems.warn({ why: 'another' }, 'it is away')
  t.equal(lines.length, 3)
  t.end()
})

t.test('the log forgets the problem that was unseen for longest if there are many', (t) => {
  const { lines, fail } = problemLog()
  const names = Array.from({ length: 201 }, (_, index) => 'x'.repeat(index + 1))
  for (const name of names) fail(name)
  fail('x'.repeat(201))
  t.equal(lines.length, 201)
  fail('x')
  t.equal(lines.length, 202)
  t.end()
})
