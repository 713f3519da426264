import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { connect } from '../../src/kubernetes/client/connection.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { type Certificate, certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { httpProxy, socksProxy, witness } from './witness.ts'

const { signal } = new AbortController()

/** A connection through a proxy to an API server of HTTPS. */
async function through(
  t: Test,
  proxy: (url: string) => string,
  more: object = {},
  certificate?: Certificate,
) {
  const { cert, key } = certificate ?? (await certificateFor())
  const { port, seen } = await witness(t, { cert, key })
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(cert).toString('base64'),
    'proxy-url': proxy(`127.0.0.1:${port}`),
    ...more,
  }
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x' } }],
    clusters: [{ name: 'x', cluster }],
  }
  const folder = t.testdir({ config: JSON.stringify(config) })
  const clock = new FakeClock()
  const connection = await connect({ kubeconfig: path.join(folder, 'config'), clock })
  t.teardown(() => connection.close())
  const get = async (ending = signal): Promise<number> => {
    const response = await connection.request({ method: 'GET', path: '/version', signal: ending })
    await response.text()
    return response.status
  }
  return { get, seen, clock, connection }
}

async function listening(t: Test, server: net.Server): Promise<string> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a tunnel through a proxy is kept for the next request', async (t) => {
  for (const [scheme, { port, asked }] of [
    ['http', await httpProxy(t)],
    ['socks5', await socksProxy(t)],
  ] as const) {
    const { get, seen } = await through(t, () => `${scheme}://127.0.0.1:${port}`)
    t.strictSame([await get(), await get(), await get()], [200, 200, 200])
    t.equal(seen.length, 3)
    t.equal(asked.length, 1, scheme)
  }
})

t.test('a proxy that refuses is named with its answer, and not taken for the API server', async (t) => {
  const proxy = http.createServer().on('connect', (_, socket) => {
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
  })
  const at = await listening(t, proxy)
  const { get, seen } = await through(t, () => `http://ann:hunter2@${at}`)
  const failure: unknown = await get().catch((error: unknown) => error)
  t.match(failure, {
    kind: 'unreachable',
    message: new RegExp(
      `through the proxy http://${at}: the proxy http://${at} did not connect to 127.0.0.1:\\d+: it answered 407 .*HTTPS_PROXY`,
    ),
  })
  t.notMatch(String(failure), 'hunter2')
  t.strictSame(seen, [])
})

t.test('a proxy that is not there is named', async (t) => {
  const { get } = await through(t, () => 'http://127.0.0.1:1')
  await t.rejects(get(), { message: /through the proxy http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/ })
})

t.test('a proxy that never answers is given up like a server that does not', async (t) => {
  const silent = net.createServer()
  const at = await listening(t, silent)
  const { get, clock, connection } = await through(t, () => `http://${at}`)
  const open = new Set<net.Socket>()
  silent.on('connection', (socket) => {
    open.add(socket.resume())
    socket.once('close', () => open.delete(socket))
  })
  const answer = t.rejects(get(), { kind: 'timed-out', message: /did not answer GET \/version within 30 s/ })
  await eventually(() => open.size === 1)
  clock.advance(30_000)
  await answer
  const ending = new AbortController()
  const second = t.rejects(get(ending.signal), new Error('enough'))
  await eventually(() => open.size === 2)
  ending.abort(new Error('enough'))
  await second
  connection.close()
  await eventually(() => open.size === 0, 'it lets go of the proxy')
})

t.test('a proxy of HTTPS is trusted by the authority of the cluster, and by no other', async (t) => {
  const clock = { now: () => Date.now() }
  const names = { dns: [], ips: ['127.0.0.1'] }
  const authority = await makeAuthority(clock)
  const trust = { 'certificate-authority-data': Buffer.from(authority.cert).toString('base64') }
  const [ofServer, ofProxy] = await Promise.all([
    issueServing(authority, names, clock),
    issueServing(authority, names, clock),
  ])
  const { port, asked } = await httpProxy(t, ofProxy)
  t.equal(await (await through(t, () => `https://127.0.0.1:${port}`, trust, ofServer)).get(), 200)
  t.equal(asked.length, 1)
  const stranger = await httpProxy(t, await issueServing(await makeAuthority(clock), names, clock))
  const url = `https://127.0.0.1:${stranger.port}`
  const { get, seen } = await through(t, () => url, trust, ofServer)
  await t.rejects(get(), {
    kind: 'unreachable',
    message: new RegExp(
      `through the proxy ${url}: .* its own certificate is not trusted .*certificate-authority of the cluster`,
    ),
  })
  t.strictSame([stranger.asked, seen], [[], []], 'the untrusted proxy gets no request')
  const unverified = { 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true }
  t.equal(await (await through(t, () => url, unverified, ofServer)).get(), 200)
})

t.test('a proxy of HTTPS is called by its own name, unless tls-server-name says one', async (t) => {
  const certificate = await certificateFor('localhost', 'api.example')
  const names: unknown[] = []
  const sni = (name: string, done: (error: null, context?: undefined) => void): void => {
    names.push(name)
    done(null)
  }
  const { port } = await httpProxy(t, { ...certificate, SNICallback: sni })
  const url = () => `https://localhost:${port}`
  t.equal(await (await through(t, url, {}, certificate)).get(), 200)
  t.equal(await (await through(t, url, { 'tls-server-name': 'api.example' }, certificate)).get(), 200)
  t.strictSame(names, ['localhost', 'api.example'])
})

t.test('an untrusted certificate of an API server is named as the reason, through a proxy too', async (t) => {
  const { port } = await httpProxy(t)
  const { get } = await through(t, () => `http://127.0.0.1:${port}`, { 'tls-server-name': 'other.example' })
  await t.rejects(get(), {
    kind: 'unreachable',
    message: /not trusted: check certificate-authority and tls-server-name/,
  })
})
