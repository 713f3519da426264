import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { defaultProxyOptions, type ProxyDoor } from '../../../src/doors/proxy/door.ts'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { ProxyServer } from '../../../src/doors/proxy/proxy-server.ts'
import { agentFor } from '../../../src/server/proxy-server.ts'
import { depth } from '../../fixtures/thorough.ts'
import { everythingServer } from './everything-server.ts'
import { nobody } from './nobody.ts'
import { exchangeRaw, partsOf, type Raw } from './raw-request.ts'
import { unasked } from './unasked.ts'

const doors: readonly (readonly [string, ProxyDoor])[] = [
  ['longhorn', new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)],
  ['kubernetes', new KubernetesDoor({ longhornNamespace: 'longhorn-system', holdMs: 0 }, unasked)],
]

async function behind(t: Test, door: ProxyDoor, url: string): Promise<number> {
  const server = new URL(url)
  const agent = agentFor(server)
  const upstream = { server, host: undefined, options: () => ({ agent }) }
  const options = { ...defaultProxyOptions, drainMs: 0, host: '127.0.0.1', port: 0, tls: undefined }
  const log = pino({ level: 'silent' })
  const proxy = new ProxyServer(options, { upstream, door, log, observer: nobody })
  t.teardown(async () => {
    agent.destroy()
    await proxy.close()
  })
  return await proxy.start()
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH']
const paths = [
  '/v1/nodes',
  '/v1/volumes/pvc-1/',
  '/v1//ws',
  '/v1/backingimages/%75buntu?action=upload&size=3',
  '/api/v1/namespaces/default/pods/a%2Fb/log',
  '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1/status',
  '/apis/apps/v1/deployments?labelSelector=a%3Db,c%21%3Dd&watch=false',
  '/ä-is-not-ascii/%C3%A4',
  '/%zz/not-decodable',
  '/a/./b/../c',
  '/',
]
const answers = [
  'text',
  'chunks',
  'gzip',
  'large',
  'cookies',
  'empty',
  'unmodified',
  'redirect',
  'missing',
  'failure',
  'teapot',
  'hops',
  'date',
]
const headers = [
  'X-Forwarded-For: 10.0.0.7',
  'X-Forwarded-Proto: https',
  'x-CASE-kept: Yes',
  'Accept-Encoding: gzip, br;q=0.5',
  'Accept: application/json;as=Table;v=v1;g=meta.k8s.io, */*',
  'Cookie: a=1; b="2"',
  'Authorization: Bearer abc.def',
  'X-Twice: one',
  'X-Twice: two',
  'TE: trailers',
  'Range: bytes=0-10',
  'If-None-Match: "x"',
  'Content-Type: application/strategic-merge-patch+json',
]

const anyRequest: fc.Arbitrary<Raw> = fc.record({
  method: fc.constantFrom(...methods),
  target: fc
    .tuple(fc.constantFrom(...paths.filter((path) => /^[ -~]*$/.test(path))), fc.constantFrom(...answers))
    .map(([path, as]) => `${path}${path.includes('?') ? '&' : '?'}as=${as}`),
  headers: fc.subarray(headers),
  body: fc.record({
    framing: fc.constantFrom('none', 'length', 'chunked'),
    bytes: fc.oneof(
      { weight: 8, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 1, arbitrary: fc.constantFrom(Buffer.alloc(0), Buffer.alloc(400_000, 'body')) },
    ),
  }),
})

for (const [name, door] of doors) {
  t.test(
    `500 requests of all kinds are answered byte by byte as without the proxy for ${name}`,
    async (t) => {
      const { url } = await everythingServer(t)
      const port = await behind(t, door, url)
      const direct = Number(new URL(url).port)
      await fc.assert(
        fc.asyncProperty(
          anyRequest.filter(({ method, target }) => !door.judge(method, target)),
          async (raw) => {
            const [want, got] = await Promise.all([
              exchangeRaw(direct, 'longhorn.example', raw),
              exchangeRaw(port, 'longhorn.example', raw),
            ])
            const [one, other] = [partsOf(want), partsOf(got)]
            // Headers that `Connection` names belong to the connection too.
            const head = one.head.filter((line) => !line.startsWith('X-Private'))
            if (other.head.join('\n') !== head.join('\n'))
              throw new Error(`${head.join('\n')}\n--- but\n${other.head.join('\n')}`)
            if (!one.body.equals(other.body))
              throw new Error(`${one.body.toString()}\n--- but\n${other.body.toString()}`)
          },
        ),
        { numRuns: depth(60, 500) },
      )
    },
  )

  t.test(`another protocol passes both ways, or is refused as the upstream says, for ${name}`, async (t) => {
    const { url } = await everythingServer(t)
    const port = await behind(t, door, url)
    for (const protocol of ['websocket', 'SPDY/3.1', 'tcp']) {
      const talk = await upgraded(port, '/api/v1/namespaces/a/pods/b/exec?command=sh', protocol)
      t.match(
        talk.head,
        /^HTTP\/1\.1 101 Switching Protocols\r\nUpgrade: .*\r\nConnection: Upgrade\r\nX-Stream: yes\r\n\r\n$/,
      )
      t.equal(await talk.say('hello'), 'hello')
      t.equal(await talk.say('x'.repeat(200_000)), 'x'.repeat(200_000))
      talk.end()
    }
    const refused = await upgraded(port, '/refuse', 'websocket')
    t.match(
      refused.head,
      /^HTTP\/1\.1 403 Forbidden\r\nContent-Length: 3\r\nX-Why: no\r\nConnection: close\r\n\r\n/,
    )
    refused.end()
  })
}

const judged: readonly (readonly [method: string, target: string, body: string])[] = [
  ['PUT', '/v1/nodes/n1?', '{"allowScheduling":false,"evictionRequested":true}'],
  ['POST', '/v1/nodes/n1?action=diskUpdate&', '{"disks":{"d1":{"path":"/d","evictionRequested":true}}}'],
  ['DELETE', '/v1/nodes/n1?', ''],
  ['POST', '/v1/backingimages/i?action=backingImageCleanup&', '{"disks":["u1"]}'],
  ['DELETE', '/v1/backingimages/i?action=backingImageCleanup&', ''],
]

for (const [method, target, body] of judged) {
  t.test(
    `the answer to an admitted write is byte by byte that of the upstream: ${method} ${target}`,
    async (t) => {
      const { url } = await everythingServer(t)
      const modules = { ...unasked, read: () => Promise.resolve(undefined) }
      const port = await behind(t, new LonghornDoor({ holdMs: 0, userHeader: undefined }, modules), url)
      for (const as of answers) {
        const framing = body === '' ? 'none' : 'length'
        const raw: Raw = {
          method,
          target: `${target}as=${as}`,
          headers,
          body: { framing, bytes: Buffer.from(body) },
        }
        const want = partsOf(await exchangeRaw(Number(new URL(url).port), 'longhorn.example', raw))
        const got = partsOf(await exchangeRaw(port, 'longhorn.example', raw))
        t.strictSame(
          got.head,
          want.head.filter((line) => !line.startsWith('X-Private')),
          as,
        )
        t.ok(got.body.equals(want.body), as)
      }
    },
  )
}

for (const [name, door] of doors) {
  t.test(`an offer of HTTP/2 is taken no notice of, and its body passes, for ${name}`, async (t) => {
    const { url } = await everythingServer(t)
    const port = await behind(t, door, url)
    const offer = ['Upgrade: h2c', 'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA']
    for (const framing of ['length', 'chunked', 'none'] as const) {
      for (const bytes of [Buffer.from('small'), Buffer.alloc(400_000, 'large')]) {
        const raw = {
          method: 'POST',
          target: '/v1/volumes?as=echo',
          headers: ['X-A: b'],
          body: { framing, bytes },
        }
        const want = partsOf(await exchangeRaw(Number(new URL(url).port), 'x', raw))
        const got = partsOf(
          await exchangeRaw(port, 'x', {
            ...raw,
            headers: ['X-A: b', 'Connection: Upgrade, HTTP2-Settings', ...offer],
          }),
        )
        t.strictSame(got.head, want.head)
        t.ok(got.body.equals(want.body))
      }
    }
  })
}

async function upgraded(port: number, target: string, protocol: string) {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  const until = async (done: () => boolean): Promise<void> => {
    while (!done() && !socket.closed) await Promise.race([once(socket, 'data'), once(socket, 'close')])
  }
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`)
  await until(() => received.includes('\r\n\r\n'))
  const at = received.indexOf('\r\n\r\n') + 4
  const head = received.slice(0, at)
  received = received.slice(at)
  return {
    head,
    say: async (text: string): Promise<string> => {
      received = ''
      socket.write(text)
      await until(() => received.length >= text.length)
      return received
    },
    end: () => socket.destroy(),
  }
}
