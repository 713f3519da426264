import { X509Certificate } from 'node:crypto'
import pino from 'pino'
import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { CertificateSecret } from '../../src/kubernetes/certificate-secret.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { certificateOrigin } from '../../src/server/certificates.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { untilHung } from '../fixtures/limits.ts'

const hour = 3_600_000
const names = { dns: ['holdfast.holdfast.svc'], ips: [] }

/** A machine whose clock is wrong by so much. */
function clockAhead(ms: number) {
  return {
    now: () => Date.now() + ms,
    monotonic: () => performance.now(),
    setTimer: (after: number, fire: () => void) => {
      const timer = setTimeout(fire, after)
      return () => clearTimeout(timer)
    },
  }
}

/** A cluster where a machine whose clock was wrong has made the certificate. @returns the certificate that a replica then serves */
async function servedBy(t: Test, madeAheadMs: number, ownAheadMs: number) {
  const sandbox = await embeddedCluster(t)
  const connection = connectTo(sandbox.api.url)
  t.teardown(() => connection.close())
  const signal = untilHung()
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'holdfast-tls' } }
  const path = '/api/v1/namespaces/holdfast/secrets'
  await jsonRequest(connection, { method: 'POST', path, json: secret, signal })
  const store = new CertificateSecret({ connection, namespace: 'holdfast', name: 'holdfast-tls' })
  const wrong = { now: () => Date.now() + madeAheadMs }
  const authority = await makeAuthority(wrong)
  const serving = await issueServing(authority, names, wrong)
  const { version } = await store.read(signal)
  await store.write({ authority, next: undefined, previous: undefined, serving }, version, signal)
  const configuration = configure([
    { namespace: 'holdfast', certificateSecret: 'holdfast-tls', replica: 'one' },
  ])
  const log = pino({ level: 'silent' })
  const source = certificateOrigin(configuration, connection, log, clockAhead(ownAheadMs))
  t.teardown(() => source.stop())
  const served = new X509Certificate((await source.first(signal)).cert)
  return { served, isNew: served.toString() !== new X509Certificate(serving.cert).toString() }
}

t.test('a certificate from a clock that was ahead is replaced at once', async (t) => {
  const { served, isNew } = await servedBy(t, 26 * hour, 0)
  t.ok(isNew)
  t.ok(Date.parse(served.validFrom) <= Date.now())
})

t.test('a replica whose own clock is ahead replaces it too, by the API server’s clock', async (t) => {
  const { served, isNew } = await servedBy(t, 26 * hour, 26 * hour)
  t.ok(isNew)
  t.ok(Date.parse(served.validFrom) <= Date.now())
})

t.test('a replica whose own clock is behind leaves a certificate unchanged', async (t) => {
  t.notOk((await servedBy(t, 0, -26 * hour)).isNew)
})
