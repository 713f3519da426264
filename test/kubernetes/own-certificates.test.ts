import t, { type Test } from 'tap'
import { registration } from '../../src/doors/webhook/registration.ts'
import { CertificateSecret } from '../../src/kubernetes/certificate-secret.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { LeaseElection } from '../../src/kubernetes/leases/election.ts'
import { WebhookTrust } from '../../src/kubernetes/webhook-configuration.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'

const signal = new AbortController().signal
const secrets = '/api/v1/namespaces/default/secrets'
const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'
const registrations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'

async function cluster(t: Test) {
  const options = { port: 0, release: 'v1.8.0', nodes: 1, images: 0, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  const connection = connectTo(sandbox.api.url)
  t.teardown(async () => {
    connection.close()
    await sandbox.stop()
  })
  const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: unknown) =>
    jsonRequest(connection, { method, path, signal, ...(json === undefined ? {} : { json }) })
  return { sandbox, connection, ask }
}

const emptySecret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'holdfast-tls', labels: { app: 'holdfast' } },
  type: 'Opaque',
}

t.test('a Secret keeps certificates, and its other content', async (t) => {
  const { connection, ask } = await cluster(t)
  const secret = new CertificateSecret({ connection, namespace: 'default', name: 'holdfast-tls' })
  await t.rejects(secret.read(signal), {
    message: /no Secret holdfast-tls in namespace default.*kubectl create/,
  })
  await ask('POST', secrets, { ...emptySecret, data: { theirs: 'eA==' } })
  const { kept, version } = await secret.read(signal)
  t.strictSame(kept, { authority: undefined, next: undefined, previous: undefined, serving: undefined })

  const pair = (name: string) => ({ cert: `${name} cert`, key: `${name} key` })
  const full = {
    authority: pair('authority'),
    next: pair('next'),
    previous: 'previous cert',
    serving: pair('serving'),
  }
  t.equal(await secret.write(full, version, signal), true)
  t.equal(
    await secret.write(full, version, signal),
    false,
    'the Secret has a newer version than the one that was read',
  )
  const again = await secret.read(signal)
  t.strictSame(again.kept, full)
  t.equal(await secret.write({ ...full, next: undefined, previous: undefined }, again.version, signal), true)
  t.match(await ask('GET', `${secrets}/holdfast-tls`), {
    metadata: { labels: { app: 'holdfast' } },
    data: {
      theirs: 'eA==',
      'tls.crt': Buffer.from('serving cert').toString('base64'),
      'next-ca.crt': undefined,
      'previous-ca.crt': undefined,
    },
  })
})

t.test('an authority without its key is kept as one', async (t) => {
  const { connection, ask } = await cluster(t)
  await ask('POST', secrets, { ...emptySecret, data: { 'ca.crt': 'eA==', 'tls.crt': 'eA==' } })
  const secret = new CertificateSecret({ connection, namespace: 'default', name: 'holdfast-tls' })
  t.strictSame((await secret.read(signal)).kept, {
    authority: { cert: 'x', key: undefined },
    next: undefined,
    previous: undefined,
    serving: undefined,
  })
  await t.rejects(
    new CertificateSecret({ connection, namespace: 'no/where', name: 'x' }).write(
      { authority: undefined, next: undefined, previous: undefined, serving: undefined },
      '1',
      signal,
    ),
    { name: 'ApiFailure' },
  )
})

t.test('the registration gets the bundle once', async (t) => {
  const { connection, ask } = await cluster(t)
  const trust = new WebhookTrust(connection, 'holdfast')
  await t.rejects(trust.publish('x', signal), { message: /no ValidatingWebhookConfiguration holdfast/ })
  const [one, two] = [await certificateFor('one'), await certificateFor('two')]
  await ask(
    'POST',
    registrations,
    registration({ url: 'https://127.0.0.1/', authorityCert: one.cert, timeoutSeconds: 1 }),
  )
  t.equal(await trust.publish(one.cert, signal), true)
  t.equal(await trust.publish(`${one.cert}${two.cert}`, signal), false)
  t.equal(await trust.publish(`${one.cert}${two.cert}`, signal), true)
  t.match(await ask('GET', `${registrations}/holdfast`), {
    webhooks: [{ clientConfig: { caBundle: Buffer.from(`${one.cert}${two.cert}`).toString('base64') } }],
  })
})

t.test('one of two replicas leads, until it leaves or falls silent', async (t) => {
  const { connection, ask } = await cluster(t)
  const clock = new FakeClock()
  const stand = (replica: string) =>
    new LeaseElection({ connection, namespace: 'default', name: 'certificate-writer', replica, clock })
  const [one, two] = [stand('one'), stand('two')]
  t.equal(await one.leads(signal), true)
  t.equal(await two.leads(signal), false)
  clock.advance(20_000)
  t.equal(await one.leads(signal), true)
  t.equal(await two.leads(signal), false)
  clock.advance(29_999)
  t.equal(await two.leads(signal), false)
  clock.advance(1)
  t.equal(await two.leads(signal), true, 'the Lease has not changed for 30 s')
  t.equal(await one.leads(signal), false)
  t.match(await ask('GET', `${leases}/certificate-writer`), {
    spec: { holderIdentity: 'two', leaseDurationSeconds: 30, leaseTransitions: 1 },
  })
  await one.resign()
  t.equal(await one.leads(signal), false, 'a replica that does not lead does not change the Lease')
  await two.resign()
  t.equal(await one.leads(signal), true)
})

t.test('one replica leads if several try at the same moment', async (t) => {
  const { connection, ask } = await cluster(t)
  const clock = new FakeClock()
  const stand = (replica: string) =>
    new LeaseElection({ connection, namespace: 'default', name: 'certificate-writer', replica, clock })
  for (const round of ['made', 'left']) {
    const outcomes = await Promise.all(['one', 'two', 'three'].map((name) => stand(name).leads(signal)))
    t.equal(outcomes.filter((leads) => leads).length, 1, round)
    const lease = await ask('GET', `${leases}/certificate-writer`)
    await ask(
      'PUT',
      `${leases}/certificate-writer`,
      Object.assign({}, lease, { spec: { holderIdentity: '' } }),
    )
  }
})
