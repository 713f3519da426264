import { Registry } from 'prom-client'
import t from 'tap'
import { createLog, LogStream } from '../../src/observability/log.ts'
import { logMetrics } from '../../src/observability/state-metrics.ts'

/** A stream whose reader takes nothing until the test says so. */
function stalling() {
  const target = {
    lines: [] as string[],
    writableLength: 0,
    write(line: string) {
      target.lines.push(line)
      target.writableLength += line.length
    },
  }
  return target
}

t.test('lines that wait for a slow reader are bounded, and the log counts the missing ones', async (t) => {
  const target = stalling()
  const stream = new LogStream(target, 1_000)
  const log = createLog('info', stream)
  for (let n = 0; n < 100; n += 1) log.info({ n }, 'a line')
  t.ok(target.writableLength <= 1_000, `${target.writableLength} bytes wait`)
  const { length } = target.lines
  t.strictSame(stream.dropped, { stalled: 100 - length, closed: 0 })
  target.writableLength = 0
  log.info({ n: 100 }, 'a line')
  log.info({ n: 101 }, 'a line')
  t.match(
    target.lines.slice(length).map((line) => JSON.parse(line) as unknown),
    [{ level: 40, missing: 100 - length, msg: /missing here/ }, { n: 100 }, { n: 101 }],
  )
  const registry = new Registry()
  logMetrics(registry, stream)
  t.match(await registry.metrics(), `holdfast_log_dropped_total{reason="stalled"} ${100 - length}\n`)
})

t.test('a closed stream gets no lines, and the missing ones are counted', (t) => {
  const target = stalling()
  const stream = new LogStream(target)
  const log = createLog('info', stream)
  log.info('one')
  t.strictSame([stream.close(), stream.close()], [true, false])
  log.info('two')
  t.strictSame([target.lines.length, stream.dropped.closed], [1, 1])
  t.end()
})

t.test('the log shows the sources in the stack trace of an error, where it is told them', (t) => {
  const target = stalling()
  const error = new Error('broken')
  error.stack = 'Error: broken\n    at run (file:///holdfast/dist/server.js:10:5)'
  const inSources = (stack: string) => stack.replace(/file:.*server\.js:10:5/, 'src/gate/gate.ts:120')
  createLog('info', target, inSources).error({ err: error }, 'a line')
  t.match(JSON.parse(target.lines[0] ?? ''), {
    err: { type: 'Error', message: 'broken', stack: 'Error: broken\n    at run (src/gate/gate.ts:120)' },
  })
  t.end()
})

t.test('no line of the log acts on a terminal, and a program reads the original in it', (t) => {
  const target = stalling()
  const hostile = 'a\u001b[2J\u0007\u007f\u009b31m\u200f\u202e\u2066\u2028z'
  createLog('info', target).error({ err: new Error(hostile), name: hostile }, 'a line')
  const [line = ''] = target.lines
  t.notMatch(line.trimEnd(), /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u)
  t.match(JSON.parse(line), { name: hostile, err: { message: hostile } })
  t.end()
})
