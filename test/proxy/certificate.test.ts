import { once } from 'node:events'
import { connect } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { pino } from 'pino'
import t from 'tap'
import { systemClock } from '../../src/kubernetes/clock.ts'
import { LonghornDoor } from '../../src/proxy/longhorn/longhorn-door.ts'
import { defaultProxyOptions, ProxyServer } from '../../src/proxy/proxy-server.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { everythingServer } from './everything-server.ts'
import { nobody } from './nobody.ts'
import { unasked } from './unasked.ts'

t.test(
  'another certificate is served from the next connection on, and one that is none is not',
  async (t) => {
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
    t.equal(await served(), new X509Certificate(second.cert).fingerprint256)
  },
)
