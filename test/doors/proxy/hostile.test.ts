import { once } from 'node:events'
import type http from 'node:http'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { mostPipelined } from '../../../src/doors/http/connection-limit.ts'
import type { ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

/** A proxy that admits every judged write, before an upstream that the test controls. */
function proxied(t: Test, answer: http.RequestListener, options: Partial<ProxyOptions> = {}) {
  const modules = { ...unasked, read: () => Promise.resolve(undefined) }
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, modules)
  return beforeUpstream(t, answer, () => door, options)
}

/** An upstream that writes these bytes, whatever HTTP says, and leaves the connection open. */
function answering(bytes: string): http.RequestListener {
  return (request) => request.socket.write(bytes)
}

/** A connection on which anything can be said, and what has come back so far. */
async function raw(t: Test, port: number, bytes: string) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  let got = ''
  let closed = false
  socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.on('close', () => (closed = true))
  socket.on('end', () => (closed = true))
  socket.write(bytes)
  await once(socket, 'ready')
  return { socket, got: () => got, closed: () => closed }
}

const fine: http.RequestListener = (request, response) =>
  void request.resume().on('end', () => response.end('{}'))

t.test('announced trailers do no harm in answers that can have none', async (t) => {
  const { port, url } = await proxied(t, fine)
  for (const [method, path] of [
    ['GET', '/v1/volumes'],
    ['PUT', '/v1/nodes/n1'],
  ]) {
    const asked = await raw(
      t,
      port,
      `${method} ${path} HTTP/1.1\r\nHost: x\r\nTrailer: x\r\nConnection: close\r\n\r\n`,
    )
    await eventually(asked.closed)
    t.match(asked.got(), /^HTTP\/1\.1 200 /)
  }
  t.equal((await fetch(`${url}/v1/volumes`)).status, 200)
})

const chunked = 'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\nConnection: close\r\n\r\n'
const odd: readonly (readonly [what: string, request: string, answer: string, status: RegExp])[] = [
  [
    'trailers for HTTP/1.0',
    'GET /a HTTP/1.0',
    `HTTP/1.1 200 OK\r\n${chunked}2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n`,
    /200 .*hi/s,
  ],
  ['trailers for HEAD', 'HEAD /a HTTP/1.1', `HTTP/1.1 200 OK\r\n${chunked}`, /200 /],
  ['trailers of nothing', 'GET /a HTTP/1.1', `HTTP/1.1 204 No Content\r\n${chunked}`, /204 /],
  ['trailers of what has not changed', 'GET /a HTTP/1.1', `HTTP/1.1 304 Not Modified\r\n${chunked}`, /304 /],
  [
    'a status that there is not',
    'GET /a HTTP/1.1',
    'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n',
    /502 .*cannot be forwarded/s,
  ],
  [
    'a protocol that the client did not ask for',
    'GET /a HTTP/1.1',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    /502 .*the client did not ask for/s,
  ],
]

for (const [what, request, answer, status] of odd) {
  t.test(`an answer with ${what} does no harm`, async (t) => {
    const { port } = await proxied(t, answering(answer))
    const asked = await raw(t, port, `${request}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    await eventually(asked.closed)
    t.match(asked.got(), status)
  })
}

t.test('a body stays a body, whatever Connection names', async (t) => {
  const { port, asked } = await proxied(t, fine)
  const hidden =
    'PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\n{"evictionRequested":true}'
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'POST']) {
    const head = `${method} /v1/volumes HTTP/1.1\r\nHost: x\r\nConnection: close, content-length, host\r\n`
    const sent = await raw(t, port, `${head}Content-Length: ${hidden.length}\r\n\r\n${hidden}`)
    await eventually(sent.closed)
    t.match(sent.got(), /^HTTP\/1\.1 200 /)
  }
  t.strictSame(asked, ['GET /v1/volumes', 'DELETE /v1/volumes', 'OPTIONS /v1/volumes', 'POST /v1/volumes'])
})

t.test('a client that resets the connection of an upgrade ends nothing else', async (t) => {
  const { port, url } = await proxied(t, fine, { localOnly: true })
  for (const host of ['elsewhere.example', '127.0.0.1']) {
    const head = `GET /v1/ws/nodes HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
    const { socket } = await raw(t, port, head)
    socket.resetAndDestroy()
    await once(socket, 'close')
  }
  t.equal((await fetch(`${url}/v1/volumes`)).status, 200)
})

t.test('a judged body that does not come is waited for until its time is up', async (t) => {
  const { port, asked } = await proxied(t, fine, { bodyMs: 50 })
  const sent = await raw(t, port, 'PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"evict')
  await eventually(sent.closed)
  t.match(sent.got(), /^HTTP\/1\.1 408 .*did not come within 0\.05 s/s)
  t.strictSame(asked, [])
})

t.test('a judged body that does not end is not taken for ever', async (t) => {
  const { port, asked } = await proxied(t, fine, { maxBodyBytes: 1_000 })
  const sent = await raw(
    t,
    port,
    'PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  for (let count = 0; count < 100; count += 1) sent.socket.write(`64\r\n${'x'.repeat(100)}\r\n`)
  await eventually(sent.closed)
  t.match(sent.got(), /^HTTP\/1\.1 413 .*larger than 1000 bytes/s)
  t.strictSame(asked, [])
})

t.test('an answer that comes before the end of an upload leaves the client able to go on', async (t) => {
  const { port } = await proxied(t, (request, response) => {
    if (request.method === 'POST') response.end('early')
    else response.end('next')
  })
  const size = 3_000_000
  const sent = await raw(t, port, `POST /v1/volumes HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`)
  await eventually(() => sent.got().includes('early'))
  await new Promise<void>((resolve) => sent.socket.write('x'.repeat(size), () => resolve()))
  sent.socket.write('GET /v1/volumes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await eventually(sent.closed)
  t.match(sent.got(), 'next')
})

t.test('a client that leaves a judged write leaves no connection to the upstream behind', async (t) => {
  const sockets: Socket[] = []
  let answer: (() => void) | undefined
  const { port } = await proxied(t, (request, response) => {
    sockets.push(request.socket)
    answer = () => response.end('x'.repeat(3_000_000))
  })
  const sent = await raw(t, port, 'PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}')
  await eventually(() => answer !== undefined)
  sent.socket.destroy()
  await once(sent.socket, 'close')
  answer?.()
  await eventually(() => sockets.every(({ destroyed }) => destroyed))
  t.pass('it is closed')
})

const upgrade = 'GET /v1/ws/nodes HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

/** An upstream whose answer to an upgrade is up to the test. */
async function upgrading(t: Test, talk: (socket: Socket) => void) {
  const sockets: Socket[] = []
  const proxy = await proxied(t, fine)
  proxy.server.on('upgrade', (_, socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    // Or it would not hear that the other end is gone.
    socket.resume().on('end', () => socket.destroy())
    talk(socket)
  })
  return { ...proxy, sockets }
}

t.test('an upgrade that is refused in chunks is refused whole', async (t) => {
  const answer =
    'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n4\r\nhere\r\n0\r\n\r\n'
  const { port } = await upgrading(t, (socket) => socket.end(answer))
  const sent = await raw(t, port, upgrade)
  await eventually(sent.closed)
  t.equal(sent.got(), 'HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nnothere')
})

t.test('an upgrade whose refusal is cut off ends for the client too', async (t) => {
  const answer = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nhalf'
  const { port } = await upgrading(t, (socket) => socket.write(answer, () => socket.destroy()))
  const sent = await raw(t, port, upgrade)
  await eventually(sent.closed)
  t.pass('it has ended')
})

t.test('a client that leaves during the refusal of an upgrade leaves nothing behind', async (t) => {
  const answer = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nhalf'
  const { port, sockets } = await upgrading(t, (socket) => socket.write(answer))
  const sent = await raw(t, port, upgrade)
  await eventually(() => sent.got().includes('half'))
  sent.socket.destroy()
  await eventually(() => sockets.length > 0 && sockets.every(({ destroyed }) => destroyed))
  t.pass('it is closed')
})

t.test('the last bytes of a tunnel arrive although its other end has closed', async (t) => {
  const size = 5_000_000
  const { port } = await upgrading(t, (socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n')
    socket.end(Buffer.alloc(size, 'y'))
  })
  const sent = await raw(t, port, upgrade)
  sent.socket.pause()
  await new Promise((resolve) => setImmediate(resolve))
  sent.socket.resume()
  await eventually(sent.closed)
  t.equal(sent.got().length - sent.got().indexOf('\r\n\r\n') - 4, size)
})

t.test('a burst of requests on one connection does not reach the upstream as a burst', async (t) => {
  for (const line of ['GET /v1/nodes', 'PUT /v1/nodes/n1', 'DELETE /v1/nodes/n1']) {
    const { port, asked } = await beforeUpstream(
      t,
      (request) => void request.resume(),
      () =>
        new LonghornDoor(
          { holdMs: 0, userHeader: undefined },
          { ...unasked, read: () => new Promise(() => undefined) },
        ),
    )
    const socket = connect(port, '127.0.0.1').resume()
    socket.on('error', () => undefined)
    socket.write(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(1_000))
    await once(socket, 'close')
    t.ok(asked.length <= mostPipelined, line)
  }
})
