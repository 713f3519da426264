import { once } from 'node:events'
import type http from 'node:http'
import t, { type Test } from 'tap'
import type { ProxyDoor, ProxyOptions } from '../../../src/doors/proxy/door.ts'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { halfOpen, readsAnswers, untilClosed } from '../../fixtures/still-sending.ts'
import { testCertificates } from '../webhook/test-certificates.ts'
import { ann } from './ann.ts'
import { admitting } from './admitting.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const longhornDoor = new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked)
const doors: readonly { readonly api: string; readonly line: string; readonly door: ProxyDoor }[] = [
  {
    api: 'kubernetes',
    line: 'PATCH /apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1',
    door: new KubernetesDoor(
      { longhornNamespace: 'longhorn-system', holdMs: 0 },
      { ...unasked, ...admitting().modules, whoIs: ann },
    ),
  },
  {
    api: 'longhorn',
    line: 'PUT /v1/nodes/n1',
    door: longhornDoor,
  },
]

const refusing: http.RequestListener = (_, response) => response.writeHead(403).end('no')

const before = (t: Test, door: ProxyDoor, options: Partial<ProxyOptions> = {}) =>
  beforeUpstream(t, refusing, () => door, options)

const { ca, serving } = await testCertificates()

for (const { api, line, door } of doors) {
  t.test(
    `a client of ${api} that goes on sending reads the whole answer, and is not read for long`,
    async (t) => {
      for (const tls of [undefined, serving]) {
        const { port, timers } = await before(t, door, { tls, maxBodyBytes: 1_000 })
        const address = { port, ...(tls && { ca }) }
        const cases = [
          [
            'no HTTP\r\n\r\n',
            /^HTTP\/1\.1 400 Bad Request\r\n[^]*"message":"This is not an HTTP\/1\.1 request\."/,
          ],
          [
            `${line} HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(70_000)}`,
            /^HTTP\/1\.1 431 [^]*headers of the request are too large/,
          ],
          [
            `${line} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n`,
            /^HTTP\/1\.1 413 [^]*larger than 1000 bytes/,
          ],
          [
            'POST /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 90000000\r\n\r\n',
            /^HTTP\/1\.1 403 [^]*no/,
          ],
          ['CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n', /^HTTP\/1\.1 501 [^]*CONNECT/],
        ] as const
        await readsAnswers(t, address, cases, () => timers.fireAll())
      }
    },
  )
}

const upgrade = (target: string) =>
  `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`

t.test('a client that is refused another protocol reads why, and is not read for long', async (t) => {
  const cases = [
    [{ localOnly: true }, '/v1/ws/1s/nodes', /^HTTP\/1\.1 403 [^]*for programs on the same machine only/],
    [{}, '/v1/ws#nodes', /^HTTP\/1\.1 400 [^]*Write # as %23/],
    [{}, '/v1/ws/1s/nodes', /^HTTP\/1\.1 403 [^]*no$/],
  ] as const
  for (const [options, target, expected] of cases) {
    const { port, timers } = await before(t, longhornDoor, options)
    await readsAnswers(t, { port }, [[upgrade(target), expected]], () => timers.fireAll())
  }
})

t.test('a connection that was refused another protocol ends with its client', async (t) => {
  const { port } = await before(t, longhornDoor, { localOnly: true, connections: { most: 1, mostOfPeer: 1 } })
  for (let at = 0; at < 3; at++) {
    const { socket } = await halfOpen(t, { port })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.end(upgrade('/v1/ws/1s/nodes'))
    await closed
  }
  // No timer fires in this test, and there is room for one connection.
  const answer = await fetch(`http://127.0.0.1:${port}/v1/nodes`)
  t.equal(answer.status, 403)
})

/** A proxy that holds each write until its client has gone. */
async function holding(t: Test) {
  let [held, ended] = [0, 0]
  const proxy = await beforeUpstream(t, refusing, () => ({
    judge:
      () =>
      async ({ signal, forward }) => {
        held += 1
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        ended += 1
        signal.throwIfAborted()
        return { outcome: 'passed', answer: await forward(), warnings: [] }
      },
    failure: (status, body) => ({ status, headers: {}, body }),
  }))
  return { ...proxy, held: () => held, ended: () => ended }
}

const put = 'PUT /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'

t.test('a write that is held ends when its connection is refused', async (t) => {
  const { port, asked, held, ended } = await holding(t)
  const { socket } = await halfOpen(t, { port })
  socket.write(put)
  await eventually(() => held() === 1)
  socket.write('no HTTP\r\n\r\n')
  // No timer fires in this test, so the connection is still open.
  await eventually(() => ended() === 1)
  t.notOk(socket.closed)
  t.strictSame(asked, [])
})

t.test('a write before and behind what is no HTTP is not judged', async (t) => {
  const { port, asked, held, timers } = await holding(t)
  const { socket } = await halfOpen(t, { port })
  socket.write(`${put}no HTTP\r\n\r\n${put}`)
  await once(socket, 'end')
  await new Promise((resolve) => socket.write(put, resolve))
  timers.fireAll()
  await untilClosed(t, socket)
  t.equal(held(), 0)
  t.strictSame(asked, [])
})

t.test('a failed handshake ends its connection at once', async (t) => {
  const { port } = await before(t, longhornDoor, { tls: serving })
  const heard = await halfOpen(t, { port })
  heard.socket.write(put)
  // No timer fires in this test.
  await untilClosed(t, heard.socket)
  t.notMatch(heard.answer, 'HTTP')
})

t.test('no answer is written into another one that has begun', async (t) => {
  const half: http.RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half')
  }
  const { port } = await beforeUpstream(t, half, () => longhornDoor)
  const heard = await halfOpen(t, { port })
  heard.socket.write('GET /v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n')
  await eventually(() => heard.answer.endsWith('half'))
  heard.socket.write('no HTTP\r\n\r\n')
  await untilClosed(t, heard.socket)
  t.match(heard.answer, /half$/)
})
