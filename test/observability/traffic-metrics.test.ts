import { Registry } from 'prom-client'
import t from 'tap'
import { createLog } from '../../src/observability/log.ts'
import { UnknownCallers } from '../../src/observability/problem-log.ts'
import { TrafficMetrics } from '../../src/observability/request-metrics.ts'

/** A log that keeps its lines, and a clock that a test moves. */
function logged() {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const clock = { now: 1 }
  return { lines, log, clock, said: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

t.test('the effects of limits are counted by port, and logged once a minute', async (t) => {
  const registry = new Registry()
  const { log, said, clock } = logged()
  const traffic = new TrafficMetrics(registry, log, () => clock.now)
  for (let at = 0; at < 100; at++) traffic.at('reviews').cut('late')
  traffic.at('health').closed('idle')
  traffic.at('proxy').refused('too-large')
  traffic.at('proxy').passed('too-large')
  traffic.at('health').closed('refused')
  const text = await registry.metrics()
  t.match(text, 'holdfast_bodies_cut_total{port="reviews",why="late"} 100')
  t.match(text, 'holdfast_connections_closed_total{port="health",why="idle"} 1')
  t.match(text, 'holdfast_bodies_refused_total{port="proxy",why="too-large"} 1')
  t.match(text, 'holdfast_bodies_passed_unread_total{port="proxy",why="too-large"} 1')
  t.match(said(), [
    { level: 40, port: 'reviews', why: 'late', msg: /^requests are cut off/ },
    { port: 'health', why: 'idle', msg: /^connections are closed/ },
    { port: 'proxy', why: 'too-large', msg: /^bodies of requests are not read/ },
    { port: 'proxy', why: 'too-large', msg: /^requests pass unread/ },
    { port: 'health', why: 'refused' },
  ])
  t.equal(said().length, 5)
  clock.now += 60_000
  traffic.at('reviews').cut('late')
  t.match(said().at(-1), { port: 'reviews', repeated: 99 })
})

t.test('unknown callers are counted, and logged once a minute', (t) => {
  const { log, said, clock } = logged()
  const counted: string[] = []
  const callers = new UnknownCallers({ unknownCaller: (why) => counted.push(why) }, log, () => clock.now)
  for (let at = 0; at < 100; at++) callers.seen('stranger', at === 0 ? new Error('401') : undefined)
  callers.seen('untold', new Error('no route'))
  t.equal(counted.length, 101)
  t.match(said(), [
    { why: 'stranger', err: { message: '401' }, msg: /rejects the credentials of callers$/ },
    { why: 'untold', err: { message: 'no route' } },
  ])
  t.equal(said().length, 2)
  clock.now += 60_000
  callers.seen('stranger', undefined)
  t.match(said().at(-1), { why: 'stranger', repeated: 99 })
  t.end()
})
