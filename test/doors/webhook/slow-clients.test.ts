import { once } from 'node:events'
import { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { defaultWebhookOptions } from '../../../src/doors/webhook/server.ts'
import { halfOpen, untilClosed } from '../../fixtures/still-sending.ts'
import { allowed } from './fake-gate.ts'
import { node, review } from './review-builder.ts'
import { running } from './running-webhook.ts'

const evict = review('Node', {
  before: node({ evictionRequested: false }),
  after: node({ evictionRequested: true }),
})
const body = JSON.stringify(evict)
const head = (more = '') =>
  `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}Content-Length: ${body.length}\r\n\r\n`

/** Sends one byte after the other for as long as the connection lasts. @returns what is answered */
async function trickle(t: Test, socket: TLSSocket, text: string): Promise<string> {
  let at = 0
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  const sending = setInterval(() => {
    if (socket.writable) socket.write(text.charAt(at++ % text.length))
  }, 2)
  t.teardown(() => clearInterval(sending))
  await once(socket, 'close')
  clearInterval(sending)
  return answer
}

const short = { headersTimeoutMs: 60, requestTimeoutMs: 60, lateCheckMs: 10 }

t.test(
  'headers that come byte by byte end the connection in time, and reviews beside them pass',
  async (t) => {
    const { silent, post, gate } = await running(t, short)
    const slow = await Promise.all(Array.from({ length: 20 }, () => silent()))
    const answers = Promise.all(
      slow.map((socket) => trickle(t, socket, head().replaceAll('\r\n\r\n', '\r\nX: '))),
    )
    for (let at = 0; at < 10; at++) t.equal((await post(evict)).status, 200)
    for (const answer of await answers) t.match(answer, /^HTTP\/1\.1 408 /)
    t.equal(gate.asked.length, 10, 'and no others')
  },
)

t.test(
  'a body that comes byte by byte ends the connection in time, and reviews beside it pass',
  async (t) => {
    const { silent, post, gate } = await running(t, short)
    const slow = await Promise.all(Array.from({ length: 20 }, () => silent()))
    for (const socket of slow) socket.write(head())
    const answers = Promise.all(slow.map((socket) => trickle(t, socket, ' ')))
    for (let at = 0; at < 10; at++) t.equal((await post(evict)).status, 200)
    for (const answer of await answers) t.match(answer, /^HTTP\/1\.1 408 /)
    t.equal(gate.asked.length, 10, 'and no others')
  },
)

t.test('reviews that come after the last answer are not judged', async (t) => {
  const { port, ca, post, gate, timers } = await running(t, short)
  for (const sent of [head().slice(0, 30), head() + body.slice(0, 50)]) {
    const heard = await halfOpen(t, { port, ca })
    heard.socket.write(sent)
    await once(heard.socket, 'end')
    heard.socket.write((head() + body).slice(sent.length) + (head() + body).repeat(3))
    t.equal((await post(evict)).status, 200)
    timers.fireAll()
    await untilClosed(t, heard.socket)
    t.match(heard.answer, /^HTTP\/1\.1 408 [^]*"The request did not arrive in time\."}$/)
  }
  t.equal(gate.asked.length, 2, 'those of another connection')
})

t.test('a review that is held ends when its connection is refused', async (t) => {
  const { port, ca, gate } = await running(t)
  const { socket } = await halfOpen(t, { port, ca })
  const ended = new Promise<void>((resolve) => {
    gate.answer = async () => {
      for (const { signal } of gate.asked) signal.addEventListener('abort', () => resolve())
      socket.write('no HTTP\r\n\r\n')
      await ended
      return allowed()
    }
  })
  socket.write(head() + body)
  // No timer fires in this test, so the connection is still open.
  await ended
  t.equal(gate.asked.length, 1)
})

t.test('a handshake that does not end in time ends its connection at once', async (t) => {
  const { port } = await running(t, { handshakeTimeoutMs: 30 })
  const socket = new Socket().connect(port, '127.0.0.1')
  let heard = 0
  socket.on('data', (chunk: Buffer) => (heard += chunk.length)).on('error', () => undefined)
  // No timer fires in this test.
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(heard, 0)
})

t.test('the limits of slow requests are beyond every call of an API server, and a minute at most', (t) => {
  const { headersTimeoutMs, requestTimeoutMs, lateCheckMs } = defaultWebhookOptions
  // Kubernetes takes no longer timeoutSeconds.
  t.ok(headersTimeoutMs > 30_000)
  t.ok(requestTimeoutMs >= headersTimeoutMs)
  t.ok(requestTimeoutMs + lateCheckMs <= 62_000)
  t.end()
})

t.test('a compressed review is a 415 with the reason, and its body is not read', async (t) => {
  const { silent, post, gate, log } = await running(t)
  for (const encoding of ['gzip', 'br', 'deflate', 'GZIP', 'identity, gzip', 'aws-chunked']) {
    const socket = await silent()
    // Less than the length says: the answer does not wait for it.
    socket.write(
      Buffer.concat([Buffer.from(head(`Content-Encoding: ${encoding}\r\n`)), gzipSync(body).subarray(0, 9)]),
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    t.match(
      answer.toString(),
      /^HTTP\/1\.1 415 [^]*\r\naccept-encoding: identity\r\n[^]*"message":"The body is encoded/,
    )
    t.match(answer.toString(), /\r\nconnection: close\r\n/)
    await once(socket.resume(), 'close')
  }
  t.equal((await post(evict)).status, 200)
  t.equal(gate.asked.length, 1)
  t.strictSame(log.lines, [])
})

t.test('a review with content-encoding identity is judged', async (t) => {
  const { silent, gate } = await running(t)
  for (const encoding of ['identity', 'Identity', '']) {
    const socket = await silent()
    socket.write(head(`Content-Encoding: ${encoding}\r\n`) + body)
    t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /, encoding)
  }
  t.equal(gate.asked.length, 3)
})
