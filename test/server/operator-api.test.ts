import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import type { AuditRecord } from '../../src/observability/audit-record.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import { HoldStream } from '../../src/observability/hold-stream.ts'
import { operatorApi, operatorConnections } from '../../src/server/operator-api.ts'
import { systemClock, type Timers } from '../../src/time/clock.ts'
import { ManualTimers } from '../doors/webhook/fake-gate.ts'
import { eventually } from '../fixtures/eventually.ts'
import { halfOpen, readsAnswers, untilClosed } from '../fixtures/still-sending.ts'
import { at, held } from '../observability/held.ts'
import { record } from '../observability/records.ts'

async function serving(t: Test, recent = new RecentRecords(), timers: Timers = systemClock) {
  const holds = new HoldStream({ replica: 'one', clock: at(0), holds: () => [held()] })
  const status = {
    replica: 'one',
    version: '0.1.0',
    synced: true,
    diskMapAgeMs: 12,
    holds: 3,
    settleMs: 10_000,
    settleAfterOutageMs: 90_000,
    lostAfterMs: 600_000,
    waiting: [],
    pendingCleanups: [],
    settling: [],
    policy: { modes: { 'last-usable-copy': 'enforce' }, evictionCompletion: 'hold', release: null },
    callers: null,
  }
  const problems: string[] = []
  const traffic = {
    closed: (why: string) => void problems.push(why),
    cut: () => undefined,
    refused: () => undefined,
    passed: () => undefined,
  }
  const api = operatorApi({ recent, holds, status: () => status, traffic, timers })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  return { recent, holds, url: `http://127.0.0.1:${portOf(api)}`, port: portOf(api), problems }
}

t.test('a replica reports its state, and its remembered records, oldest first', async (t) => {
  const { recent, url } = await serving(t)
  for (const uid of ['1', '2']) recent.write(record({ uid }))
  t.match(await (await fetch(`${url}/status`)).json(), { replica: 'one', synced: true, holds: 3 })
  const answer = await fetch(`${url}/audit`)
  t.match(answer.headers.get('content-type'), 'application/x-ndjson')
  const uids = (await answer.text()).trimEnd().split('\n')
  t.match(
    uids.map((line) => JSON.parse(line) as unknown),
    [{ uid: '1' }, { uid: '2' }],
  )
})

t.test('it keeps sending to followers until they leave', async (t) => {
  const { recent, url } = await serving(t)
  recent.write(record({ uid: '1' }))
  const leaving = new AbortController()
  const answer = await fetch(`${url}/audit?follow=true`, { signal: leaving.signal })
  let text = ''
  const reading = (async () => {
    for await (const chunk of answer.body ?? []) text += Buffer.from(chunk as Uint8Array).toString()
  })()
  await eventually(() => text.includes('"uid":"1"'))
  recent.write(record({ uid: '2' }))
  await eventually(() => text.includes('"uid":"2"'))
  leaving.abort()
  await t.rejects(reading)
})

t.test('a follower gets the requests that wait only if it asks for them', async (t) => {
  const { recent, holds, url } = await serving(t)
  const leaving = new AbortController()
  const follow = async (query: string) => {
    const answer = await fetch(`${url}/audit?follow=true${query}`, { signal: leaving.signal })
    const read = { text: '' }
    const reading = (async () => {
      for await (const chunk of answer.body ?? []) read.text += Buffer.from(chunk as Uint8Array).toString()
    })()
    reading.catch(() => undefined)
    return read
  }
  const [all, records] = await Promise.all([follow('&holds=true'), follow('')])
  await eventually(() => all.text.includes('"phase":"began"'), 'what waits already is told')
  holds.ended(held({ id: 2 }), 'admitted')
  recent.write(record({ uid: 'later' }))
  await eventually(() => all.text.includes('"later"') && records.text.includes('"later"'))
  t.match(all.text, '"phase":"ended","outcome":"admitted"')
  t.notMatch(records.text, 'hold/v1', 'a client that asks for records only gets only those')
  leaving.abort()
})

t.test('idle connections give way, and followers stay', async (t) => {
  const { url, port, recent, problems } = await serving(t)
  const leaving = new AbortController()
  const following = await fetch(`${url}/audit?follow=true`, { signal: leaving.signal })
  const idle = Array.from({ length: operatorConnections.most }, () => connect(port, '127.0.0.1'))
  for (const socket of idle) socket.on('error', () => undefined).resume()
  await eventually(() => idle.some(({ closed }) => closed))
  t.equal((await fetch(`${url}/status`)).status, 200)
  recent.write(record({ uid: '1' }))
  for await (const chunk of following.body ?? []) {
    t.match(Buffer.from(chunk as Uint8Array).toString(), '"uid":"1"')
    break
  }
  t.ok(problems.length > 0 && problems.every((why) => why === 'idle'))
  leaving.abort()
  for (const socket of idle) socket.destroy()
})

t.test('it answers to names of loopback only, so that no page in a browser reads it', async (t) => {
  const { port } = await serving(t)
  const statusFor = async (host: string) => {
    const asked = request({ host: '127.0.0.1', port, path: '/audit', headers: { host } }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  t.equal(await statusFor('evil.example'), 403)
  t.equal(await statusFor('localhost'), 200)
})

t.test('the latest records are remembered, with a limit on number and bytes', (t) => {
  const size = JSON.stringify(record({ uid: '00' })).length + 1
  for (const limits of [{ records: 10 }, { bytes: 10 * size }]) {
    const recent = new RecentRecords(limits)
    for (let uid = 0; uid < 100; uid += 1) recent.write(record({ uid: String(uid).padStart(2, '0') }))
    t.strictSame(
      recent.lines().map((line) => (JSON.parse(line) as AuditRecord).uid),
      Array.from({ length: 10 }, (_, index) => String(90 + index)),
    )
  }
  t.end()
})

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const timers = new ManualTimers()
  const { port } = await serving(t, new RecentRecords(), timers)
  const long = 'Host: localhost\r\nConnection: close\r\nContent-Length: 90000000\r\n\r\n'
  const cases = [
    ['no HTTP\r\n\r\n', /^HTTP\/1\.1 400 [^]*{"error":"This is not an HTTP\/1\.1 request\."}$/],
    [
      `GET /status HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
      /^HTTP\/1\.1 431 [^]*{"error":"The headers of the request are too large\."}$/,
    ],
    [`POST /status HTTP/1.1\r\n${long}`, /^HTTP\/1\.1 405 [^]*answers GET alone/],
    [`GET /nothing HTTP/1.1\r\n${long}`, /^HTTP\/1\.1 404 /],
  ] as const
  await readsAnswers(t, { port }, cases, () => timers.fireAll())
})

t.test('a follower that sends no HTTP is cut off, with nothing among its records', async (t) => {
  const { recent, port } = await serving(t)
  const heard = await halfOpen(t, { port })
  recent.write(record({ uid: '1' }))
  heard.socket.write('GET /audit?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await eventually(() => heard.answer.includes('"uid":"1"'))
  heard.socket.write('no HTTP\r\n\r\n')
  await untilClosed(t, heard.socket)
  t.notMatch(heard.answer, /HTTP\/1\.1 400/)
})
