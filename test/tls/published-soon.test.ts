import t, { type Test } from 'tap'
import { registration } from '../../src/doors/webhook/registration.ts'
import { CertificateSecret } from '../../src/kubernetes/certificate-secret.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { LeaseElection } from '../../src/kubernetes/leases/election.ts'
import { WebhookTrust } from '../../src/kubernetes/webhook-configuration.ts'
import { Reload } from '../../src/tls/reload.ts'
import { OwnCertificates } from '../../src/tls/self-managed.ts'
import { caBundle, type PemPair, samePair } from '../../src/tls/stored.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { untilHung } from '../fixtures/limits.ts'
import { DecidedElection, MemoryStore, MemoryTrust } from './kept-in-memory.ts'

const signal = new AbortController().signal
const names = ['holdfast.holdfast.svc']
const registrations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
const namespace = 'default'

/** Replicas of one guard on one cluster, whose time the test decides. */
async function replicas(t: Test) {
  const sandbox = await embeddedCluster(t, { nodes: 1, images: 0 })
  const connection = connectTo(sandbox.api.url)
  t.teardown(() => connection.close())
  const clock = new FakeClock()
  const ask = (method: 'GET' | 'POST' | 'DELETE', path: string, json?: unknown) =>
    jsonRequest(connection, { method, path, signal, ...(json === undefined ? {} : { json }) })
  await ask('POST', `/api/v1/namespaces/${namespace}/secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'holdfast-tls' },
  })
  const store = new CertificateSecret({ connection, namespace, name: 'holdfast-tls' })
  const election = (replica: string) =>
    new LeaseElection({ connection, namespace, name: 'certificate-writer', replica, clock })
  const start = (replica: string) =>
    new OwnCertificates(names, {
      store,
      registration: new WebhookTrust(connection, 'holdfast'),
      election: election(replica),
      timers: clock,
      onStep: () => undefined,
      onProblem: () => undefined,
      onWell: () => undefined,
    })
  /** Makes the registration anew, as Helm does: it trusts somebody, but not this guard. */
  const register = async (): Promise<void> => {
    const { cert } = await certificateFor('somebody else')
    const made = registration({ url: 'https://127.0.0.1/', authorityCert: cert, timeoutSeconds: 1 })
    await ask('POST', registrations, made)
  }
  const isTrusted = async (): Promise<boolean> => {
    const seen = (await ask('GET', `${registrations}/holdfast`)) as {
      webhooks: { clientConfig: { caBundle: string } }[]
    }
    const { kept } = await store.read(signal)
    const bundle = Buffer.from(seen.webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString()
    return kept.authority !== undefined && bundle === caBundle(kept)
  }
  return { clock, start, register, isTrusted, election, ask }
}

t.test('a replica that starts publishes the authority, while one that was killed still leads', async (t) => {
  const { start, register, isTrusted, ask } = await replicas(t)
  await register()
  await start('one').first(signal)
  t.ok(await isTrusted())
  await ask('DELETE', `${registrations}/holdfast`)
  await register()
  t.notOk(await isTrusted())
  await start('two').first(signal)
  t.ok(await isTrusted(), 'no time has passed: the Lease of the one that was killed lasts 30 s')
})

t.test('a replica that runs publishes it within ten seconds of a new registration', async (t) => {
  const { clock, start, register, isTrusted } = await replicas(t)
  await start('one').first(signal)
  const source = start('two')
  const served = await source.first(signal)
  const reload = new Reload(served, {
    source,
    isSame: samePair,
    timers: clock,
    serve: () => undefined,
    onReloaded: () => undefined,
    onProblem: (error) => t.fail(String(error)),
  })
  t.teardown(() => reload.stop())
  await register()
  clock.advance(10_000)
  await eventually(() => clock.pending === 1, 'it has looked, and looks again later')
  t.ok(await isTrusted())
})

t.test('a replica makes the first certificate itself when the one that leads has died', async (t) => {
  const { clock, start, register, isTrusted, election } = await replicas(t)
  await register()
  t.equal(await election('one').leads(signal), true, 'and is killed before it writes a certificate')
  let served: PemPair | undefined
  const first = start('two')
    .first(signal)
    .then((pair) => (served = pair))
  const began = clock.now()
  const hung = untilHung()
  while (served === undefined) {
    await turns(1)
    hung.throwIfAborted()
    if (clock.pending > 0) clock.advance(1_000)
  }
  t.ok(clock.now() - began < 10_000, `after ${clock.now() - began} ms`)
  t.ok(await isTrusted())
  t.equal(await first, served)
})

t.test('a replica that does not lead takes no authority away', async (t) => {
  const store = new MemoryStore()
  const trust = new MemoryTrust()
  const replica = (leader: boolean) =>
    new OwnCertificates(names, {
      store,
      registration: trust,
      election: new DecidedElection(leader),
      timers: new FakeClock(),
      onStep: () => undefined,
      onProblem: () => undefined,
      onWell: () => undefined,
    })
  await replica(true).first(signal)
  const { cert: next } = await certificateFor('the next one')
  trust.bundle += next
  await replica(false).first(signal)
  t.match(trust.bundle, next, 'its data may be old by now')
})

t.test('an authority that was removed from the Secret is not trusted', async (t) => {
  const store = new MemoryStore()
  const trust = new MemoryTrust()
  const leader = new OwnCertificates(names, {
    store,
    registration: trust,
    election: new DecidedElection(true),
    timers: new FakeClock(),
    onStep: () => undefined,
    onProblem: () => undefined,
    onWell: () => undefined,
  })
  await leader.first(signal)
  const stolen = trust.bundle
  store.put({ authority: undefined, next: undefined, previous: undefined, serving: undefined })
  await leader.read(signal)
  t.notMatch(trust.bundle, stolen)
  t.equal(trust.bundle.match(/BEGIN/g)?.length, 1)
})
