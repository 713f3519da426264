import { once } from 'node:events'
import http, { type ClientRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { BodiesUnderWay } from '../../src/traffic/bodies-under-way.ts'
import { eventually } from '../fixtures/eventually.ts'

/** A server that reads bodies of this many bytes at once, and clients on addresses of loopback. */
async function reading(t: Test, mostBytes: number) {
  const bodies = new BodiesUnderWay(mostBytes)
  const server = http.createServer((request, response) => {
    bodies.watch(request)
    request.on('error', () => undefined)
    request.on('end', () => response.end()).resume()
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  /** Sends so much of a body of 1,000 bytes; resolves once it has come. */
  const send = async (bytes: number, localAddress = '127.0.0.1') => {
    const headers = { 'content-length': 1_000 }
    const sent = http.request({
      port,
      host: '127.0.0.1',
      localAddress,
      method: 'POST',
      headers,
      agent: false,
    })
    const outcome = outcomeOf(sent)
    const before = bodies.bytes
    const cut = bodies.cut
    sent.write('x'.repeat(bytes))
    await eventually(() => bodies.bytes !== before || bodies.cut > cut)
    return { outcome, end: () => sent.end('x'.repeat(1_000 - bytes)) }
  }
  return { bodies, send }
}

async function outcomeOf(sent: ClientRequest): Promise<number | 'cut'> {
  return await new Promise((resolve) => {
    sent.on('response', (answer) => resolve(answer.resume().statusCode ?? 0))
    sent.on('error', () => resolve('cut'))
  })
}

t.test('the oldest body that is not whole is cut when there are too many bytes', async (t) => {
  const { bodies, send } = await reading(t, 2_000)
  const [first, second] = [await send(900), await send(900)]
  const third = await send(900)
  t.equal(await first.outcome, 'cut')
  t.equal(bodies.bytes, 1_800)
  second.end()
  third.end()
  t.strictSame([await second.outcome, await third.outcome], [200, 200])
  t.strictSame([bodies.bytes, bodies.cut], [0, 1])
})

t.test('the peer with the most bytes under way gives way, not the others', async (t) => {
  const { bodies, send } = await reading(t, 2_000)
  const other = await send(400, '127.0.0.1')
  const [one, two] = [await send(750, '127.0.0.2'), await send(750, '127.0.0.2')]
  const more = await send(600, '127.0.0.1')
  t.equal(await one.outcome, 'cut')
  for (const { end, outcome } of [two, more, other]) {
    end()
    t.equal(await outcome, 200)
  }
  t.equal(bodies.bytes, 0)
})

t.test('a body that its client breaks off counts no more', async (t) => {
  const { bodies, send } = await reading(t, 2_000)
  const { end, outcome } = await send(600)
  t.equal(bodies.bytes, 600)
  end()
  t.equal(await outcome, 200)
  t.equal(bodies.bytes, 0)
})
