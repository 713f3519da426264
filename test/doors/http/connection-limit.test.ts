import { once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import {
  ConnectionLimit,
  type ConnectionLimits,
  mostPipelined,
} from '../../../src/doors/http/connection-limit.ts'
import { eventually } from '../../fixtures/eventually.ts'

/** A server that answers `/quick` at once and all else never, and clients on addresses of loopback. */
async function serving(t: Test, limits: ConnectionLimits, switches = true) {
  let accepted = 0
  let asked = 0
  const reasons: string[] = []
  const server = http.createServer((request, response) => {
    asked += 1
    if (request.url === '/quick') response.end()
  })
  const limit = new ConnectionLimit(server, limits, (why) => reasons.push(why))
  if (switches)
    server.on('upgrade', ({ socket }) => {
      limit.switched(socket)
      asked += 1
    })
  server.on('connection', () => (accepted += 1))
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = async (localAddress = '127.0.0.1'): Promise<Socket> => {
    const before = accepted
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => undefined).resume()
    t.teardown(() => socket.destroy())
    await eventually(() => accepted > before)
    return socket
  }
  const ask = async (socket: Socket, path: string, headers = ''): Promise<void> => {
    const before = asked
    const answered = path === '/quick' ? once(socket, 'data') : undefined
    socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n${headers}\r\n`)
    await eventually(() => asked > before)
    await answered
  }
  return { open, ask, reasons }
}

const closed = (socket: Socket): Promise<unknown> =>
  socket.closed ? Promise.resolve() : once(socket, 'close')

t.test('one connection too many replaces the one that was idle for longest', async (t) => {
  const { open, ask, reasons } = await serving(t, { most: 3, mostOfPeer: 3 })
  const [used, unused, busy] = [await open(), await open(), await open()]
  await ask(busy, '/slow')
  await ask(used, '/quick')
  await open()
  await closed(unused)
  t.notOk(used.closed)
  t.notOk(busy.closed)
  await open()
  await closed(used)
  t.notOk(busy.closed, 'one that waits for its answer stays')
  t.strictSame(reasons, ['idle', 'idle'])
})

t.test('a new connection is closed where all are busy', async (t) => {
  const { open, ask, reasons } = await serving(t, { most: 2, mostOfPeer: 2 })
  const [one, two] = [await open(), await open()]
  await ask(one, '/slow')
  await ask(two, '/chat', 'Connection: upgrade\r\nUpgrade: chat\r\n')
  await closed(await open())
  t.notOk(one.closed)
  t.notOk(two.closed, 'so is one that was switched to another protocol')
  t.strictSame(reasons, ['refused'])
})

t.test('a peer with many connections takes none from others', async (t) => {
  const { open } = await serving(t, { most: 4, mostOfPeer: 3 })
  const other = await open('127.0.0.2')
  const many = [await open(), await open(), await open()]
  await open()
  await closed(many[0] ?? other)
  const late = await open('127.0.0.3')
  await closed(many[1] ?? other)
  t.notOk(other.closed)
  t.notOk(late.closed)
})

t.test('peers whose connections are all busy cannot keep out one that has fewer', async (t) => {
  const { open, ask, reasons } = await serving(t, { most: 4, mostOfPeer: 2 })
  const busy = [
    await open('127.0.0.2'),
    await open('127.0.0.2'),
    await open('127.0.0.3'),
    await open('127.0.0.3'),
  ]
  for (const each of busy) await ask(each, '/slow')
  const late = await open()
  await ask(late, '/quick')
  t.notOk(late.closed)
  t.equal(busy.filter(({ closed: is }) => is).length, 1, 'one of a peer with two has made room')
  t.strictSame(reasons, ['busy'])
  await closed(await open('127.0.0.2'))
})

t.test('a server without other protocols answers a client that offers one', async (t) => {
  const { open, ask } = await serving(t, { most: 2, mostOfPeer: 2 }, false)
  await ask(await open(), '/quick', 'Connection: upgrade\r\nUpgrade: x\r\n')
  t.pass('as a plain request')
})

t.test('a connection with too many requests in flight is closed', async (t) => {
  const { open, ask, reasons } = await serving(t, { most: 10, mostOfPeer: 10 })
  const [greedy, other] = [await open(), await open()]
  for (let at = 0; at < mostPipelined; at += 1) await ask(greedy, '/slow')
  t.notOk(greedy.closed, 'as many as that may be')
  greedy.write('GET /slow HTTP/1.1\r\nHost: here\r\n\r\n')
  await closed(greedy)
  for (let at = 0; at < 2 * mostPipelined; at += 1) await ask(other, '/quick')
  t.notOk(other.closed, 'answered requests do not count')
  t.strictSame(reasons, ['pipelined'])
})
