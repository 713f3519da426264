import { once } from 'node:events'
import http from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { agentFor } from '../../src/guard/proxy-guard.ts'
import { LonghornDoor } from '../../src/proxy/longhorn/longhorn-door.ts'
import { defaultProxyOptions, ProxyServer, type ProxyOptions } from '../../src/proxy/proxy-server.ts'
import { nobody } from './nobody.ts'
import { eventually } from '../fixtures/eventually.ts'

/** A proxy before an upstream that does as it is told, and what came of what was asked. */
async function proxied(t: Test, answer: http.RequestListener, options: Partial<ProxyOptions> = {}) {
  const asked: string[] = []
  const upstream = http.createServer({ maxHeaderSize: 100_000 }, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const server = new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)
  const agent = agentFor(server)
  const door = new LonghornDoor(
    { holdMs: 0, userHeader: undefined },
    { decide: () => Promise.reject(new Error('unexpected')), read: () => Promise.resolve(undefined) },
  )
  const failures: number[] = []
  const proxy = new ProxyServer(
    { ...defaultProxyOptions, drainMs: 0, host: '127.0.0.1', port: 0, tls: undefined, ...options },
    {
      upstream: { server, host: undefined, options: () => ({ agent }) },
      door,
      log: pino({ level: 'silent' }),
      observer: { ...nobody, failed: (status) => failures.push(status) },
    },
  )
  const port = await proxy.start()
  t.teardown(async () => {
    agent.destroy()
    await proxy.close()
    upstream.closeAllConnections()
    upstream.close()
  })
  return { url: `http://127.0.0.1:${port}`, port, asked, failures }
}

const fine: http.RequestListener = (request, response) => {
  request.resume()
  response.end('{}')
}

t.test('an upstream that does not answer in time is a 504, and says that it may still be done', async (t) => {
  const { url, failures } = await proxied(t, () => undefined, { answerMs: 50 })
  const answer = await fetch(`${url}/v1/nodes`)
  t.equal(answer.status, 504)
  t.match(await answer.json(), {
    type: 'error',
    message: /did not answer within 0.05 s. .* may still be done/,
  })
  t.strictSame(failures, [504])
})

t.test('a body larger than any such write is a 413, and goes nowhere', async (t) => {
  const { url, asked } = await proxied(t, fine, { maxBodyBytes: 100 })
  const answer = await fetch(`${url}/v1/nodes/n1`, { method: 'PUT', body: 'x'.repeat(101) })
  t.equal(answer.status, 413)
  t.match(await answer.json(), { message: /larger than 100 bytes/ })
  t.strictSame(asked, [])
  const passed = await fetch(`${url}/v1/volumes/v1`, { method: 'PUT', body: 'x'.repeat(101) })
  t.equal(passed.status, 200, 'what just passes has no limit')
})

t.test('headers larger than any token are a 431, and go nowhere', async (t) => {
  const { url, asked } = await proxied(t, fine)
  t.equal((await fetch(`${url}/v1/nodes`, { headers: { authorization: 'x'.repeat(60_000) } })).status, 200)
  t.equal((await fetch(`${url}/v1/nodes`, { headers: { authorization: 'x'.repeat(70_000) } })).status, 431)
  t.equal(asked.length, 1)
})

t.test('who breaks off in the middle of a judged body has asked for nothing', async (t) => {
  const { port, url, asked } = await proxied(t, fine)
  const socket = connect(port, '127.0.0.1')
  socket.write('PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"evict')
  await once(socket, 'ready')
  socket.destroy()
  await fetch(`${url}/v1/nodes`)
  t.strictSame(asked, ['GET /v1/nodes'])
})

t.test('who goes away before the answer ends the request to the upstream', async (t) => {
  let closed = false
  const { port, asked } = await proxied(t, (request) => {
    request.on('close', () => (closed = true))
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => asked.length > 0)
  socket.destroy()
  await eventually(() => closed)
  t.pass('it has heard of it')
})

t.test('an answer that is cut off is cut off for the client too', async (t) => {
  const { url } = await proxied(t, (_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half', () => response.destroy())
  })
  const answer = await fetch(`${url}/v1/nodes`)
  await t.rejects(answer.text())
})

t.test('a request on an idle connection that has just been closed is asked again', async (t) => {
  let count = 0
  const { url, asked } = await proxied(t, (request, response) => {
    count += 1
    if (count === 2) request.socket.destroy()
    else response.end('{}')
  })
  t.equal((await fetch(`${url}/v1/nodes`)).status, 200)
  t.equal((await fetch(`${url}/v1/nodes`)).status, 200)
  t.equal(asked.length, 3)
})
