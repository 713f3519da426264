import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import { EntryQueue } from '../../src/gate/entry-queue.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { pause, systemClock } from '../../src/time/clock.ts'
import { eventually, turns } from '../fixtures/eventually.ts'

/** Node's warnings until the end of the test. */
function warnings(t: Test): Error[] {
  const seen: Error[] = []
  const note = (warning: Error): void => void seen.push(warning)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  return seen
}

t.test('forty requests at once may share one signal', async (t) => {
  const seen = warnings(t)
  const waiting: http.ServerResponse[] = []
  const server = http.createServer((_, response) => {
    response.flushHeaders()
    waiting.push(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = connectTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => {
    connection.close()
    server.close()
  })
  const { signal } = new AbortController()
  const asked = Array.from({ length: 40 }, (_, at) =>
    jsonRequest(connection, { method: 'GET', path: `/${at}`, signal }),
  )
  await eventually(() => waiting.length === 40)
  for (const response of waiting) response.end('{}')
  t.equal((await Promise.all(asked)).length, 40)
  t.strictSame(seen, [])
})

t.test('forty edits of entries, and forty pauses, may share one signal', async (t) => {
  const seen = warnings(t)
  const controller = new AbortController()
  const { signal } = controller
  const queue = new EntryQueue(new InProcessBook())
  const edits = Array.from({ length: 40 }, (_, at) =>
    queue.edit(`n${at % 20}`, () => Promise.resolve({ result: at }), { signal }),
  )
  const pauses = Array.from({ length: 40 }, () => pause(systemClock, 600_000, signal))
  t.equal((await Promise.all(edits)).length, 40)
  controller.abort()
  await Promise.all(pauses)
  await turns()
  t.strictSame(seen, [])
})
