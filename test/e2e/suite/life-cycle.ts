import { X509Certificate } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import type { PemPair } from '../../../src/tls/stored.ts'
import { run } from '../../commands/holdfast.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { ask } from '../cluster.ts'
import type { Guards, Replica } from '../guards.ts'
import { untilHeld } from '../holding.ts'
import { Load } from '../load.ts'
import type { RealCluster } from '../real-cluster.ts'
import { evict, onlyAboutTheWait } from '../requests.ts'
import { World } from '../world.ts'

const secretPath = '/api/v1/namespaces/holdfast/secrets/holdfast-tls'
const registrationPath = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/holdfast'

/** Restarts, failures and renewals, under load where nothing may be lost. */
export function lifeCycle(t: Test, cluster: RealCluster, guards: Guards): void {
  const world = new World(cluster)

  /** @param prepare what has to be done once more before each `act` */
  const underLoad = async (
    t: Test,
    name: string,
    act: () => Promise<void>,
    prepare: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> => {
    await world.node(name, [disk(`${name}-a`)])
    for (let again = 0; ; again += 1) {
      await prepare()
      const load = new Load(cluster.connection, name, `${name}-a`)
      await act()
      const rate = await load.stop()
      const { calls, failures, stalledMs } = load
      t.comment(`${calls} admission calls, ${rate.toFixed(0)} a second, ${failures.length} failed`)
      // A machine that hangs for seconds proves nothing about the guard.
      if (stalledMs > 2_000 && again < 2) {
        t.comment(`the machine stood still for ${stalledMs.toFixed(0)} ms: once again`)
        continue
      }
      if (failures.length > 0) for (const { process } of guards.replicas) t.comment(process.errors)
      t.strictSame(failures.slice(0, 3), [])
      t.ok(rate > 40, `${rate.toFixed(0)} calls a second`)
      return
    }
  }

  t.test('a rolling restart of both replicas under 50 calls a second loses none', async (t) => {
    await underLoad(t, 'l1', async () => {
      for (const old of guards.replicas) {
        await guards.add()
        await guards.remove(old)
      }
    })
    t.equal(guards.replicas.length, 2)
  })

  t.test('a serving certificate is renewed under load without losing a call', async (t) => {
    const before = await served(cluster)
    await underLoad(t, 'l2', async () => {
      const lineCounts = guards.replicas.map(({ process }) => process.lineCount)
      await ask(cluster, 'PATCH', secretPath, { data: { 'tls.crt': null, 'tls.key': null } })
      await reloaded(guards, lineCounts)
      await wait(2_000)
    })
    const after = await served(cluster)
    t.not(after.serving, before.serving)
    t.equal(after.authority, before.authority, 'the authority stays')
  })

  t.test('an authority is replaced under load without losing a call', async (t) => {
    const clock = { now: Date.now }
    const old = await makeAuthority({ now: () => Date.now() - 3_600 * 86_400_000 })
    const serving = await issueServing(old, { dns: ['holdfast.holdfast.svc'], ips: [] }, clock)
    const serveOld = async (): Promise<void> => {
      // This authority is new: all have to trust it before it is served under load.
      const { bundle: trusted } = await served(cluster)
      const both = Buffer.from(`${trusted}\n${old.cert}`).toString('base64')
      const publish = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value: both }]
      const patch = ['patch', 'validatingwebhookconfiguration', 'holdfast', '--type', 'json', '-p']
      await cluster.must([...patch, JSON.stringify(publish)])
      const lineCounts = guards.replicas.map(({ process }) => process.lineCount)
      await keep(cluster, old, serving)
      await reloaded(guards, lineCounts)
    }
    const replaced = async (): Promise<void> => {
      const lineCounts = guards.replicas.map(({ process }) => process.lineCount)
      await reloaded(guards, lineCounts)
      await wait(2_000)
    }
    await underLoad(t, 'l3', replaced, serveOld)
    const after = await served(cluster)
    t.not(after.authority, old.cert.trim(), 'another one has signed')
    t.ok(new X509Certificate(after.serving).verify(new X509Certificate(after.authority).publicKey))
    t.equal(after.bundle.match(/BEGIN CERTIFICATE/g)?.length, 2, 'old and new are both trusted')
  })

  t.test(
    'replicas that are killed in mid-hold let nothing pass, and those that follow hold on',
    async (t) => {
      await world.node('l4', [disk('l4-a'), disk('l4-b')])
      await world.image('l4', [pending('l4-a')])
      const eviction = evict(cluster, 'l4', 'l4-b')
      await untilHeld(guards, 1)
      for (const replica of guards.replicas) await guards.remove(replica, 'SIGKILL')
      const [killed] = await Promise.all([eviction, guards.add(), guards.add()])
      t.equal(killed.code, 1)
      t.match(killed.stderr, /failed calling webhook "guard.holdfast.dev"/)
      const again = evict(cluster, 'l4', 'l4-b')
      await untilHeld(guards, 1)
      await world.cleanedUp('l4', 'l4-a')
      t.match(await again, { code: 0, stdout: 'node.longhorn.io/l4 patched\n', stderr: onlyAboutTheWait })
    },
  )

  t.test(
    'a certificate of a clock that was ahead is an error, and made anew at the next start',
    async (t) => {
      for (const replica of guards.replicas) await guards.remove(replica, 'SIGKILL')
      const ahead = { now: () => Date.now() + 26 * 3_600_000 }
      const authority = await makeAuthority(ahead)
      const serving = await issueServing(authority, { dns: ['holdfast.holdfast.svc'], ips: [] }, ahead)
      await keep(cluster, authority, serving)
      const flags = ['--kubeconfig', `${cluster.plane.folder}/kubeconfig`, '--namespace', 'holdfast']
      const certificate = async () => (await run(['doctor', ...flags])).stdout
      t.match(await certificate(), /error +certificate +The serving certificate .* is not valid before /)
      await Promise.all([guards.add(), guards.add()])
      await world.node('l6', [disk('l6-a')])
      t.strictSame((await evict(cluster, 'l6', 'l6-a')).stderr, '', 'the API server trusts it at once')
      t.match(await certificate(), /ok +certificate /)
    },
  )

  t.test('the guard goes on after the API server has crashed and is back', async (t) => {
    let cold: Replica | undefined
    await cluster.plane.crash(async () => {
      cold = guards.launch('--host', '::')
      await aliveAndWaiting(t, cold)
    })
    if (cold) await guards.remove(await guards.join(cold), 'SIGKILL')
    await world.node('l5', [disk('l5-a'), disk('l5-b')])
    await world.image('l5', [pending('l5-a')])
    const eviction = evict(cluster, 'l5', 'l5-b')
    await wait(1_000)
    await world.cleanedUp('l5', 'l5-a')
    t.match(await eviction, { code: 0, stderr: onlyAboutTheWait })
    t.ok(guards.replicas.every(({ ready }) => ready))
  })
  t.end()
}

/** Stores another authority, and a certificate of it, for the guard to serve. */
async function keep(cluster: RealCluster, authority: PemPair, serving: PemPair): Promise<void> {
  const texts = {
    ...{ 'ca.crt': authority.cert, 'ca.key': authority.key },
    ...{ 'tls.crt': serving.cert, 'tls.key': serving.key },
  }
  const encoded = Object.entries(texts).map(
    ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
  )
  await ask(cluster, 'PATCH', secretPath, { data: Object.fromEntries(encoded) })
}

/** A replica that starts while the API server is away answers its probes, by each family of addresses. */
async function aliveAndWaiting(t: Test, replica: Replica): Promise<void> {
  const { healthPort } = await replica.said('health is listening')
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const hasIPv6 = addresses.some(({ address }) => address === '::1')
  for (const host of ['127.0.0.1', ...(hasIPv6 ? ['[::1]'] : [])]) {
    const health = (path: string) => fetch(`http://${host}:${String(healthPort)}${path}`)
    t.equal((await health('/livez')).status, 200, host)
    t.equal((await health('/readyz')).status, 503, host)
  }
}

/** Waits until every replica serves another certificate. */
async function reloaded(guards: Guards, lineCounts: readonly number[]): Promise<void> {
  await Promise.all(
    guards.replicas.map((replica, index) =>
      replica.said('a new certificate is served', lineCounts[index] ?? 0),
    ),
  )
}

async function served(cluster: RealCluster) {
  const secret = (await ask(cluster, 'GET', secretPath)) as { data: Record<string, string> }
  const configuration = (await ask(cluster, 'GET', registrationPath)) as {
    webhooks: { clientConfig: { caBundle: string } }[]
  }
  const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString().trim()
  return {
    serving: text(secret.data['tls.crt']),
    authority: text(secret.data['ca.crt']),
    bundle: text(configuration.webhooks[0]?.clientConfig.caBundle),
  }
}
