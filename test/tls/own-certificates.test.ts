import { X509Certificate } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLog } from '../../src/observability/log.ts'
import { ProblemLog } from '../../src/observability/problem-log.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { CertificateFiles } from '../../src/tls/folder.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { Reload } from '../../src/tls/reload.ts'
import { OwnCertificates } from '../../src/tls/self-managed.ts'
import { type PemPair, samePair } from '../../src/tls/stored.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { DecidedElection, MemoryStore, MemoryTrust } from './kept-in-memory.ts'

const signal = new AbortController().signal
const names = { dns: ['holdfast.holdfast.svc'], ips: [] }

function replica(leader: boolean, store = new MemoryStore()) {
  const clock = new FakeClock()
  const trust = new MemoryTrust()
  const election = new DecidedElection(leader)
  const steps: string[] = []
  const problems: string[] = []
  const write = (line: string): void => {
    const { err } = JSON.parse(line) as { err: { message: string } }
    problems.push(`Error: ${err.message}`)
  }
  const log = new ProblemLog(createLog('info', { write }), clock)
  const certificates = new OwnCertificates(names.dns, {
    store,
    registration: trust,
    election,
    timers: clock,
    onStep: ({ step }) => steps.push(step),
    onProblem: (err) => log.error({ err }, 'certificates cannot be renewed or published'),
    onWell: () => log.well(),
  })
  return { certificates, clock, store, trust, election, steps, problems }
}

t.test('the leader makes authority and certificate, and publishes before it serves', async (t) => {
  const { certificates, store, trust, steps } = replica(true)
  const serving = await certificates.read(signal)
  t.strictSame(steps, ['begin'])
  t.strictSame(serving, store.kept.serving)
  t.ok(new X509Certificate(serving.cert).verify(new X509Certificate(trust.bundle).publicKey))
  await certificates.read(signal)
  t.strictSame(steps, ['begin'], 'and leaves it at that')
})

t.test('a replica that does not lead reads, and writes nothing where its authority is trusted', async (t) => {
  const store = new MemoryStore()
  const follower = replica(false, store)
  await t.rejects(follower.certificates.read(signal), { name: 'NoCertificateYet' })
  const leader = replica(true, store)
  const made = await leader.certificates.read(signal)
  const bundle = `${leader.trust.bundle}and what somebody added`
  follower.trust.bundle = bundle
  t.strictSame(await follower.certificates.read(signal), made)
  t.equal(store.writes, 1)
  t.equal(follower.trust.bundle, bundle)
  follower.trust.bundle = ''
  await follower.certificates.read(signal)
  t.equal(follower.trust.bundle, leader.trust.bundle)
  follower.trust.bundle = ''
  follower.trust.failure = new Error('forbidden')
  t.strictSame(await follower.certificates.read(signal), made, 'it serves although it cannot publish')
  t.strictSame(follower.problems, ['Error: forbidden'])
})

t.test('only one of two replicas that think they lead writes', async (t) => {
  const { certificates, store, steps } = replica(true)
  const other = await replica(true).certificates.read(signal)
  const authority = await makeAuthority(new FakeClock())
  const serving = await issueServing(authority, names, new FakeClock())
  store.beforeWrite = () => store.put({ authority, next: undefined, previous: undefined, serving })
  t.strictSame(await certificates.read(signal), serving)
  t.strictSame(steps, [])
  t.notSame(serving, other)
})

t.test('a certificate is served although it cannot be published, and said so once', async (t) => {
  const { certificates, trust, problems, store, clock } = replica(true)
  trust.failure = new Error('forbidden')
  t.ok(await certificates.read(signal))
  await certificates.read(signal)
  t.strictSame(problems, ['Error: forbidden'])
  trust.failure = undefined
  await certificates.read(signal)
  trust.failure = new Error('forbidden')
  await certificates.read(signal)
  t.equal(problems.length, 2, 'and again once it had been well')

  const { authority } = store.kept
  store.put({ ...store.kept, authority: authority && { cert: authority.cert, key: undefined } })
  await certificates.read(signal)
  clock.advance(86_400_000)
  await certificates.read(signal)
  t.ok(store.kept.next, 'no authority signs that is not published')
})

t.test('after a long sleep the authority before is trusted until the others have looked', async (t) => {
  const { certificates, clock, store, trust, steps } = replica(true)
  await certificates.read(signal)
  clock.advance(3_600 * 86_400_000)
  await certificates.read(signal)
  clock.advance(60_000)
  await certificates.read(signal)
  t.strictSame(steps, ['begin', 'issue', 'announce', 'change'])
  clock.advance(86_400_000)
  await certificates.read(signal)
  t.ok(store.kept.previous, 'a day of sleep')
  for (let look = 0; look < 6; look += 1) {
    clock.advance(600_000)
    await certificates.read(signal)
  }
  t.equal(store.kept.previous, undefined, 'an hour of looking')
  t.equal(trust.bundle.match(/BEGIN/g)?.length, 1)
})

t.test('if neither the Lease nor the Secret can be reached, each is reported once', async (t) => {
  const { certificates, election, store, clock, problems } = replica(true)
  election.failure = new Error('no namespace')
  store.failure = new Error('no Secret')
  const ended = new AbortController()
  const first = t.rejects(certificates.first(ended.signal), { message: 'over' })
  for (let second = 0; second < 100; second += 1) {
    await eventually(() => clock.pending > 0)
    clock.advance(1_000)
  }
  t.strictSame(problems, ['Error: no namespace', 'Error: no Secret'])
  ended.abort(new Error('over'))
  await first
})

t.test('a replica serves the stored certificate without an election', async (t) => {
  const { certificates, election, store, problems } = replica(true)
  const made = await certificates.read(signal)
  election.failure = new Error('no Leases')
  store.put({ ...store.kept, previous: 'x' })
  t.strictSame(await certificates.read(signal), made)
  t.equal(store.kept.previous, 'x', 'but nothing is written')
  await certificates.stop()
  t.strictSame(problems, ['Error: no Leases'], 'nor does stopping fail')
})

t.test('the first certificate is waited for', async (t) => {
  const { certificates, store, clock, problems } = replica(true)
  store.failure = new Error('unreachable')
  const first = certificates.first(signal)
  await eventually(() => clock.pending === 1)
  t.strictSame(problems, ['Error: unreachable'])
  store.failure = undefined
  clock.advance(1_000)
  t.strictSame(await first, store.kept.serving)
})

t.test(
  'a first certificate that cannot be served yet is made anew, although the leader was killed',
  async (t) => {
    const { certificates, store, clock, steps } = replica(false)
    const ahead = { now: () => clock.now() + 26 * 3_600_000 }
    const authority = await makeAuthority(ahead)
    store.put({ ...store.kept, authority, serving: await issueServing(authority, names, ahead) })
    const first = certificates.first(signal)
    for (let second = 0; second < 5; second += 1) {
      await eventually(() => clock.pending === 1)
      t.strictSame(steps, [], 'the leader may be about to')
      clock.advance(1_000)
    }
    const { cert } = await first
    t.strictSame(steps, ['begin'])
    t.ok(Date.parse(new X509Certificate(cert).validFrom) <= clock.now())
  },
)

t.test('waiting for the first certificate ends when the guard does', async (t) => {
  const { certificates, store, clock, election } = replica(true)
  store.failure = new Error('unreachable')
  const stopping = new AbortController()
  const first = certificates.first(stopping.signal)
  await eventually(() => clock.pending === 1)
  stopping.abort(new Error('stopped'))
  await t.rejects(first, { message: 'stopped' })
  t.equal(clock.pending, 0)
  await certificates.stop()
  t.ok(election.resigned)
})

/** A reload of two files, with its results. */
async function reloaded(t: Test) {
  const folder = t.testdir()
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const authority = await makeAuthority({ now: Date.now })
  const make = (): Promise<PemPair> => issueServing(authority, names, { now: Date.now })
  const write = async (pair: PemPair): Promise<void> => {
    await writeFile(`${cert}.new`, pair.cert)
    await writeFile(`${key}.new`, pair.key)
    await rename(`${cert}.new`, cert)
    await rename(`${key}.new`, key)
  }
  await write(await make())
  const source = new CertificateFiles(cert, key)
  const clock = new FakeClock()
  const served: PemPair[] = [await source.first(signal)]
  const problems: unknown[] = []
  let looks = 0
  const reload = new Reload(served[0] ?? (await make()), {
    isSame: samePair,
    source: {
      read: (signal) => source.read(signal).finally(() => (looks += 1)),
      stop: () => source.stop(),
    },
    timers: clock,
    serve: (pair) => {
      if (!new X509Certificate(pair.cert).verify(new X509Certificate(authority.cert).publicKey))
        throw new Error('not ours')
      served.push(pair)
    },
    onReloaded: () => undefined,
    onProblem: (error) => problems.push(error),
  })
  t.teardown(() => reload.stop())
  /** Lets it look once more. */
  const look = async (): Promise<void> => {
    const before = looks
    await eventually(() => clock.pending === 1)
    clock.advance(10_000)
    await eventually(() => looks > before && clock.pending === 1)
  }
  return { cert, make, write, served, problems, look, reload, clock }
}

t.test('changed files are served again, and only those', async (t) => {
  const { make, write, served, look, problems } = await reloaded(t)
  await look()
  t.equal(served.length, 1)
  const next = await make()
  await write(next)
  await look()
  t.strictSame(served.at(-1), next)
  await look()
  t.equal(served.length, 2)
  t.strictSame(problems, [])
})

t.test('an unusable certificate is reported once, and the old one stays', async (t) => {
  const { make, write, served, look, problems, cert } = await reloaded(t)
  const foreign = await issueServing(await makeAuthority({ now: Date.now }), names, { now: Date.now })
  await write(foreign)
  await look()
  t.strictSame(problems, [], 'it may be half written')
  await look()
  await look()
  t.match(problems, [{ message: 'not ours' }])
  t.equal(served.length, 1)
  await write(await make())
  await look()
  t.equal(served.length, 2, 'until it can')
  await rename(cert, `${cert}.away`)
  await look()
  await look()
  t.match(problems.at(-1), { code: 'ENOENT' })
})

t.test('no source is read after the stop', async (t) => {
  const { reload, clock } = await reloaded(t)
  await reload.stop()
  t.equal(clock.pending, 0)
})
