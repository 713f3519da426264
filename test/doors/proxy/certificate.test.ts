import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { pino } from 'pino'
import t from 'tap'
import { defaultProxyOptions } from '../../../src/doors/proxy/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { ProxyServer } from '../../../src/doors/proxy/proxy-server.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import { everythingServer } from './everything-server.ts'
import { nobody } from './nobody.ts'
import { unasked } from './unasked.ts'

t.test('another certificate is served from the next connection on, and an unusable one is not', async (t) => {
  const authority = await makeAuthority(systemClock)
  const issue = () => issueServing(authority, { dns: ['localhost'], ips: [] }, systemClock)
  const [first, second] = [await issue(), await issue()]
  const { url } = await everythingServer(t)
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)
  const upstream = { server: new URL(url), host: undefined, options: () => ({}) }
  const options = { ...defaultProxyOptions, host: '127.0.0.1', port: 0, tls: first }
  const proxy = new ProxyServer(options, {
    upstream,
    door,
    log: pino({ level: 'silent' }),
    observer: nobody,
  })
  const port = await proxy.start()
  t.teardown(() => proxy.close())
  const served = async (): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  t.equal(await served(), new X509Certificate(first.cert).fingerprint256)
  proxy.setCertificate(second)
  t.equal(await served(), new X509Certificate(second.cert).fingerprint256)
  t.throws(() => proxy.setCertificate({ cert: first.cert, key: second.key }))
  // A request without a change of protocol works unchanged, over TLS too.
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert })
  const offer = 'Connection: close, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n'
  socket.write(`POST /v1/volumes HTTP/1.1\r\nHost: x\r\n${offer}Content-Length: 4\r\n\r\nbody`)
  t.match(await text(socket), /^HTTP\/1\.1 200 .*POST \/v1\/volumes 4 /s)
  t.equal(await served(), new X509Certificate(second.cert).fingerprint256)
})

t.test('a client that connects and never begins TLS does not keep a proxy from stopping', async () => {
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: [] }, systemClock)
  const door = new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)
  const upstream = { server: new URL('http://127.0.0.1:1'), host: undefined, options: () => ({}) }
  const options = { ...defaultProxyOptions, host: '127.0.0.1', port: 0, tls, drainMs: 50 }
  const proxy = new ProxyServer(options, { upstream, door, log: pino({ level: 'silent' }), observer: nobody })
  const silent = net.connect(await proxy.start(), '127.0.0.1')
  await once(silent, 'connect')
  const closed = once(silent, 'close')
  silent.on('error', () => undefined).resume()
  await proxy.close()
  await closed
})
