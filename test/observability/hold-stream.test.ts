import t from 'tap'
import { HoldLog } from '../../src/observability/hold-log.ts'
import { parseHoldRecord } from '../../src/observability/hold-record.ts'
import { HoldStream } from '../../src/observability/hold-stream.ts'
import { createLog } from '../../src/observability/log.ts'
import { at, held } from './held.ts'

const began = {
  schema: 'holdfast.dev/hold/v1',
  time: '2026-11-23T12:00:01.000Z',
  replica: 'one',
  phase: 'began',
  uid: 'request-1',
  door: 'webhook',
  user: 'ann',
  object: { kind: 'Node', name: 'n1' },
  change: 'evicting d2 of n1',
  waitedMs: 1_000,
  leftMs: 7_500,
  causes: [
    {
      rule: 'eviction-during-cleanup',
      found: 'backing image ubuntu is still being removed from d1 (for 12s)',
      node: 'n1',
      disk: 'd1',
      diskUUID: 'uuid-d1',
      image: 'ubuntu',
      sinceMs: 13_000,
    },
  ],
  moreCauses: 0,
  nodes: ['n1'],
}

t.test('a subscriber gets a line for each beginning and each end of a wait, until it leaves', (t) => {
  const lines: string[] = []
  const stream = new HoldStream({ replica: 'one', clock: at(1_000), holds: () => [] })
  const leave = stream.subscribe((line) => void lines.push(line))
  stream.began(held())
  stream.ended(held(), 'admitted')
  leave()
  stream.began(held())
  const records = lines.map((line) => JSON.parse(line) as unknown)
  t.strictSame(records, [began, { ...began, phase: 'ended', outcome: 'admitted' }])
  t.ok(records.every((record) => parseHoldRecord(record).ok))
  t.end()
})

t.test('a later subscriber can read the requests that wait already', (t) => {
  const stream = new HoldStream({ replica: 'one', clock: at(1_000), holds: () => [held()] })
  t.strictSame(
    stream.lines().map((line) => JSON.parse(line) as unknown),
    [began],
  )
  t.end()
})

t.test('the lines escape control characters', (t) => {
  const stream = new HoldStream({ replica: '\u009b2J', clock: at(0), holds: () => [held()] })
  t.match(stream.lines()[0], '"\\u009b2J"')
  t.end()
})

t.test('the log has a line for the beginning, and one for the end', (t) => {
  const lines: string[] = []
  const log = new HoldLog(createLog('info', { write: (line) => void lines.push(line) }), at(1_000))
  log.began(held())
  log.ended(held(), 'denied')
  const { uid, user, object, change, leftMs, causes } = began
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(first, { msg: 'change begins to wait', uid, user, object, change, leftMs, causes })
  t.match(second, { msg: 'change waits no longer', uid, user, change, waitedMs: 1_000, outcome: 'denied' })
  t.notOk(Object.hasOwn(Object(second) as object, 'causes'))
  t.end()
})
