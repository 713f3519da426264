import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { forwardPort } from '../../src/kubernetes/client/port-forward.ts'
import { forwardTo } from '../commands/forwarded-pods.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

/** Forwards to `pod-0` at a server. */
async function forwarded(t: Test, server: http.Server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    clusters: [{ name: 'x', cluster: { server: url } }],
    users: [{ name: 'x', user: { as: 'grace', 'as-groups': ['one', 'two'] } }],
  }
  const folder = t.testdir({ config: JSON.stringify(config) })
  const problems: string[] = []
  const clock = new FakeClock()
  const port = await forwardPort(
    { kubeconfig: path.join(folder, 'config') },
    { namespace: 'holdfast', pod: 'pod-0', port: 8081 },
    ({ message }) => problems.push(message),
    clock,
  )
  t.teardown(() => port.close())
  const connect = () => net.connect(Number(new URL(port.url).port), '127.0.0.1')
  return { problems, clock, connect }
}

t.test('bytes go to the pod and back, with the identity of the kubeconfig', async (t) => {
  const pod = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(pod, 'listening')
  t.teardown(() => pod.close())
  const server = http.createServer()
  const groups: unknown[] = []
  server.on('upgrade', ({ headersDistinct }: http.IncomingMessage) =>
    groups.push(headersDistinct['impersonate-group']),
  )
  const asked: string[] = []
  forwardTo(server, [(pod.address() as AddressInfo).port], (url) => asked.push(url))
  const { connect, problems } = await forwarded(t, server)
  const socket = connect()
  socket.write('ping')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.equal(answer.toString(), 'ping')
  t.strictSame(asked, ['/api/v1/namespaces/holdfast/pods/pod-0/portforward?ports=8081'])
  t.strictSame(groups, [['one', 'two']])
  t.strictSame(problems, [])
  socket.destroy()
})

t.test('an upgrade that is never answered is given up after five seconds', async (t) => {
  const server = http.createServer()
  const upgrades: net.Socket[] = []
  server.on('upgrade', (_: http.IncomingMessage, socket: net.Socket) => upgrades.push(socket))
  t.teardown(() => upgrades.forEach((socket) => socket.destroy()))
  const { problems, clock, connect } = await forwarded(t, server)
  const socket = connect()
  await eventually(() => upgrades.length === 1)
  clock.advance(4_999)
  t.strictSame(problems, [])
  clock.advance(1)
  await once(socket, 'close')
  t.match(problems, [/Cannot reach port 8081 of pod pod-0: .* did not answer within 5 s/])
  await eventually(() => upgrades[0]?.destroyed === true || upgrades[0]?.readableEnded === true, 'it lets go')
})

t.test('a rejected upgrade is an error with the status', async (t) => {
  const server = http.createServer()
  server.on('upgrade', (_: http.IncomingMessage, socket: net.Socket) =>
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
  )
  const { problems, clock, connect } = await forwarded(t, server)
  await once(connect(), 'close')
  t.match(problems, [/Cannot reach port 8081 of pod pod-0: .*403/])
  t.equal(clock.pending, 0)
})
