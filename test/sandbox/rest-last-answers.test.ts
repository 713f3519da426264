import t from 'tap'
import { sandboxAdmin } from '../../src/sandbox/api-server/http/request.ts'
import { RestServer } from '../../src/sandbox/longhorn-rest/rest-server.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { readsAnswers } from '../fixtures/still-sending.ts'
import { started } from './api/started.ts'

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const { api } = await started(t)
  const [client, timers] = [api.client(sandboxAdmin), new FakeClock()]
  const subscribe = () => () => undefined
  const rest = await RestServer.start({ client, namespace: 'longhorn-system', subscribe, timers }, 0)
  t.teardown(() => rest.stop())
  const port = Number(new URL(rest.url).port)
  const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const cases = [
    ['no HTTP\r\n\r\n', /^HTTP\/1\.1 400 [^]*"message":"This is not an HTTP\/1\.1 request\."/],
    [
      `GET /v1 HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`,
      /^HTTP\/1\.1 431 [^]*headers of the request are too large/,
    ],
    [
      'POST /v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 90000000\r\n\r\n',
      /^HTTP\/1\.1 500 [^]*too large/,
    ],
    [`GET /v1/ws/1s/volumes HTTP/1.1\r\n${upgrade}`, /^HTTP\/1\.1 404 [^]*\/v1\/ws\/1s\/volumes not found/],
  ] as const
  await readsAnswers(t, { port }, cases, () => timers.advance(1_000))
})
