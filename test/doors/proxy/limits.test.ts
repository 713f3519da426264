import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import type { ProxyDoor, ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { errorAnswer, LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { untilAborted } from '../../../src/time/clock.ts'
import { eventually, turns } from '../../fixtures/eventually.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

/** A proxy that admits every judged write, before an upstream that the test controls. */
function proxied(t: Test, answer: http.RequestListener, options: Partial<ProxyOptions> = {}) {
  const modules = { ...unasked, read: () => Promise.resolve(undefined) }
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, modules)
  return beforeUpstream(t, answer, () => door, options)
}

/** Room for so many bytes of bodies, of whomever. */
const room = (mostBytes: number) => ({ mostBytes, mostBytesOfPeer: mostBytes })

const fine: http.RequestListener = (request, response) => {
  request.resume()
  response.end('{}')
}

t.test('an upstream may take longer than the longest timer of Node if the limit is longer', async (t) => {
  const slowly: http.RequestListener = (_, response) => void setTimeout(() => response.end('done'), 20)
  const { url } = await proxied(t, slowly, { answerMs: 1_000 * 3_600_000 })
  t.equal(await (await fetch(url)).text(), 'done')
})

t.test(
  'an upstream that does not answer in time is a 504, and says that it may still take effect',
  async (t) => {
    const { url, failures } = await proxied(t, () => undefined, { answerMs: 50 })
    const answer = await fetch(`${url}/v1/nodes`)
    t.equal(answer.status, 504)
    t.match(await answer.json(), {
      type: 'error',
      message: /did not answer within 0.05 s. .* may still take effect/,
    })
    t.strictSame(failures, [504])
  },
)

t.test('a body larger than any such write is a 413, and is not forwarded', async (t) => {
  const { url, asked } = await proxied(t, fine, { maxBodyBytes: 100 })
  const answer = await fetch(`${url}/v1/nodes/n1`, { method: 'PUT', body: 'x'.repeat(101) })
  t.equal(answer.status, 413)
  t.match(await answer.json(), { message: /larger than 100 bytes/ })
  t.strictSame(asked, [])
  const passed = await fetch(`${url}/v1/volumes/v1`, { method: 'PUT', body: 'x'.repeat(101) })
  t.equal(passed.status, 200, 'a request that is only forwarded has no limit')
})

t.test('headers larger than any token are a 431, and go nowhere', async (t) => {
  const { url, asked } = await proxied(t, fine)
  t.equal((await fetch(`${url}/v1/nodes`, { headers: { authorization: 'x'.repeat(60_000) } })).status, 200)
  t.equal((await fetch(`${url}/v1/nodes`, { headers: { authorization: 'x'.repeat(70_000) } })).status, 431)
  t.equal(asked.length, 1)
})

t.test('judged bodies that do not come whole are cut when they are too many', async (t) => {
  const { port, url, asked } = await proxied(t, fine, { bodies: room(1_000) })
  const halves = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  for (const half of halves) {
    half.on('error', () => undefined)
    half.write(`PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 700\r\n\r\n${' '.repeat(699)}`)
  }
  await Promise.race(halves.map((half) => once(half, 'close')))
  t.equal((await fetch(`${url}/v1/nodes/n1`, { method: 'PUT', body: '{}' })).status, 200)
  t.strictSame(asked, ['PUT /v1/nodes/n1'])
  for (const half of halves) half.destroy()
})

/** A proxy that holds every request until its signal ends the wait. */
async function holding(t: Test) {
  let held = 0
  let over = 0
  const door: ProxyDoor = {
    judge: () => (call) => {
      held += 1
      return untilAborted(new Promise<never>(() => undefined), call.signal).finally(() => (over += 1))
    },
    failure: errorAnswer,
  }
  const proxy = await beforeUpstream(t, fine, () => door, { bodies: room(1_000) })
  /** Sends a body, whole or only half of it, from an address of loopback. */
  const send = async (method: string, bytes: number, localAddress: string, isWhole = true) => {
    const headers = { 'content-length': isWhole ? bytes : bytes * 2 }
    const to = { port: proxy.port, host: '127.0.0.1', localAddress }
    const sent = http.request({ ...to, path: '/v1/nodes/n1', method, headers, agent: false })
    t.teardown(() => sent.destroy())
    const outcome = new Promise<number | 'cut'>((resolve) => {
      sent.on('response', (answer) => {
        const retry = answer.headers['retry-after']
        resolve(retry === '1' ? (answer.resume().statusCode ?? 0) : 0)
      })
      sent.on('error', () => resolve('cut'))
    })
    const before = held
    if (isWhole) sent.end('x'.repeat(bytes))
    else sent.write('x'.repeat(bytes))
    if (isWhole) await eventually(() => held > before)
    return { outcome: () => untilAborted(outcome, untilHung()), leave: () => sent.destroy() }
  }
  return { ...proxy, send, over: () => over }
}

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
  t.test(
    `the body of a ${method} counts while it is held, and gives way to another peer with a 429`,
    async (t) => {
      const { send, asked } = await holding(t)
      const [first, second] = [await send(method, 400, '127.0.0.2'), await send(method, 400, '127.0.0.2')]
      const other = await send(method, 500, '127.0.0.1')
      t.equal(await second.outcome(), 429, 'the latest of the peer with the most')
      const half = await send(method, 300, '127.0.0.1', false)
      t.equal(await half.outcome(), 'cut', 'a half-sent body goes before a held one')
      first.leave()
      other.leave()
      t.strictSame(asked, [])
    },
  )
}

t.test('a body stops counting once its client has gone', async (t) => {
  const { send, over } = await holding(t)
  for (let at = 1; at <= 5; at++) {
    const { leave } = await send('PUT', 900, '127.0.0.1')
    leave()
    await eventually(() => over() === at)
    await turns()
  }
  t.pass('five in turn had room')
})

t.test('idle connections give way to others', async (t) => {
  const { port, url } = await proxied(t, fine, { connections: { most: 2, mostOfPeer: 2 } })
  const [first, second] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  await Promise.all(
    [first, second].map((socket) =>
      once(
        socket.on('error', () => undefined),
        'connect',
      ),
    ),
  )
  t.equal((await fetch(`${url}/v1/nodes`)).status, 200)
  t.ok([first, second].some(({ closed }) => closed) || (await once(first, 'close')))
  second.destroy()
})

t.test('a client that breaks off in a judged body has sent no request', async (t) => {
  const { port, url, asked } = await proxied(t, fine)
  const socket = connect(port, '127.0.0.1')
  socket.write('PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"evict')
  await once(socket, 'ready')
  socket.destroy()
  await fetch(`${url}/v1/nodes`)
  t.strictSame(asked, ['GET /v1/nodes'])
})

t.test('a client that goes away before the answer ends the request to the upstream', async (t) => {
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
