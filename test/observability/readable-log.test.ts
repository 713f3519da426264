import t from 'tap'
import { createLog } from '../../src/observability/log.ts'
import { LogSink } from '../../src/observability/audit-sinks.ts'
import { HoldLog } from '../../src/observability/hold-log.ts'
import { readableLog } from '../../src/observability/readable-log.ts'
import { at, held } from './held.ts'
import { record } from './records.ts'

/** A log on a terminal of that width, and what stands there. */
async function onTerminal(columns = 200, isColoured = false) {
  let text = ''
  const screen = { columns, write: (more: string) => (text += more), writableLength: 7 }
  const readable = await readableLog(screen, isColoured)
  const log = createLog('debug', { write: (line) => readable.write(line) })
  return { log, readable, shown: () => text.replaceAll(/^\[\d\d:\d\d:\d\d\]/gm, 'TIME') }
}

t.test('a line has the time, the level and the message, and its fields as words', async (t) => {
  const { log, shown } = await onTerminal()
  log.info({ port: 8443, server: 'https://lab:6443' }, 'listening')
  log.warn('gone')
  t.equal(shown(), 'TIME INFO: listening port=8443 server=https://lab:6443\nTIME WARN: gone\n')
})

t.test('a line says a decision in words, with its first reason below it', async (t) => {
  const { log, shown } = await onTerminal()
  new LogSink(log).write(record({ verdict: 'refuse', change: 'evicting d2 of n1', count: 3 }))
  t.equal(
    shown(),
    `TIME WARN: change refused: evicting d2 of n1 by ann (eviction-during-cleanup), 3 times
    evicting d2 of n1 has to wait: backing image ubuntu is still being removed from d1 (for 12s). It crashes.
`,
  )
})

t.test('a line says a decision without words in the terms of the API', async (t) => {
  const { log, shown } = await onTerminal()
  new LogSink(log).write(
    record({ verdict: 'unavailable', why: 'disk-map-too-old', findings: [], dryRun: true }),
  )
  t.equal(
    shown(),
    'TIME ERROR: change cannot be judged: UPDATE Node/n1 by ann as a dry run: disk-map-too-old\n',
  )
})

t.test('a line says when a wait begins, with its cause, and when it ends', async (t) => {
  const { log, shown } = await onTerminal()
  const holds = new HoldLog(log, at(1_000))
  holds.began(held())
  holds.ended(held(), 'admitted')
  t.equal(
    shown(),
    `TIME INFO: change begins to wait: evicting d2 of n1 by ann
    backing image ubuntu is still being removed from d1 (for 12s)
TIME INFO: change waits no longer: evicting d2 of n1 by ann: admitted
`,
  )
})

t.test('an error has its stack', async (t) => {
  const { log, shown } = await onTerminal()
  log.error({ err: new Error('no route') }, 'a review was not answered')
  t.match(shown(), /^TIME ERROR: a review was not answered\n[^]*no route[^]* at /)
})

t.test('no line is wider than the terminal, and none acts on it', async (t) => {
  const { log, shown } = await onTerminal(40)
  log.info({ name: 'a\u001b]0;owned\u0007b '.repeat(8) }, 'a message about a name')
  t.ok(
    shown()
      .split('\n')
      .every((line) => line.length <= 40),
    shown(),
  )
  for (const acting of ['\u0007', '\u001b']) t.notOk(shown().includes(acting))
})

t.test('a terminal with colours gets them, and what is no JSON passes as it is', async (t) => {
  const { log, readable, shown } = await onTerminal(80, true)
  log.info('listening')
  t.match(shown(), '\u001b[32mINFO')
  readable.write('plain\n')
  readable.write('[1]\n')
  t.match(shown(), /plain\n\[1\]\n$/)
  t.equal(readable.writableLength, 7)
})
