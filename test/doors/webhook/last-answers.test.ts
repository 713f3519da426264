import t from 'tap'
import { parseClientAuthorities } from '../../../src/tls/client-authorities.ts'
import { readsAnswers } from '../../fixtures/still-sending.ts'
import { running } from './running-webhook.ts'
import { testCertificates } from './test-certificates.ts'

const { ca: authority } = await testCertificates()

const head = (more: string) =>
  `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${more}`
const long = 'Content-Length: 90000000\r\n\r\n'

const cases = [
  ['no HTTP\r\n\r\n', /^HTTP\/1\.1 400 Bad Request\r\n[^]*"This is not an HTTP\/1\.1 request\."}$/],
  [head(`X: ${'x'.repeat(20_000)}`), /^HTTP\/1\.1 431 [^]*"The headers of the request are too large\."}$/],
  [
    head(`Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}`),
    /^HTTP\/1\.1 413 [^]*chunk extensions [^]*}$/,
  ],
  [head(long), /^HTTP\/1\.1 413 [^]*"message":"The body is larger than /],
  [head(`Content-Encoding: gzip\r\n${long}`), /^HTTP\/1\.1 415 [^]*"message":"The body is encoded/],
  [
    head(long).replace('Host', 'Connection: close\r\nHost').replace('/validate', '/other'),
    /^HTTP\/1\.1 404 [^]*nothing at this path/,
  ],
  ['CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n', /^HTTP\/1\.1 501 [^]*CONNECT/],
] as const

t.test('a client that goes on sending reads the whole answer, and is not read for long', async (t) => {
  const { port, ca, timers, gate } = await running(t)
  await readsAnswers(t, { port, ca }, cases, () => timers.fireAll())
  t.equal(gate.asked.length, 0)
})

t.test('a client without a certificate that goes on sending reads why it is refused', async (t) => {
  const clients = { authorities: parseClientAuthorities(authority, 'ca.crt'), names: [] }
  const { port, ca, timers } = await running(t, { clients })
  await readsAnswers(t, { port, ca }, [[head(long), /^HTTP\/1\.1 401 [^]*"message":"/]], () =>
    timers.fireAll(),
  )
})
