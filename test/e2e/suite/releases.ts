import type { Test } from 'tap'
import { run } from '../../commands/holdfast.ts'
import { disk } from '../../fixtures/raw-objects.ts'
import { root } from '../../fixtures/root.ts'
import { askUntil } from '../ask-until.ts'
import { ask } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'

const chart = `${root}/charts/holdfast`
const registrations = 'validatingwebhookconfigurations.admissionregistration.k8s.io'
/** No guard answers here. */
const unguarded = 'webhook.failurePolicy=Ignore'
const kinds = [
  `${registrations},validatingadmissionpolicies,clusterroles,clusterrolebindings`,
  'roles,rolebindings,serviceaccounts,configmaps,secrets,services,deployments,networkpolicies',
].join()

/** Releases as people install them, with all output of helm. No controller runs Deployments and Jobs here. */
export function releases(t: Test, cluster: RealCluster): void {
  const install = (release: string, namespace: string, ...settings: readonly string[]) =>
    cluster.helm([
      ...['upgrade', '--install', release, chart, '--namespace', namespace, '--create-namespace'],
      ...[unguarded, ...settings].flatMap((setting) => ['--set', setting]),
    ])
  const uninstall = (release: string, namespace: string, ...flags: readonly string[]) =>
    cluster.helm(['uninstall', release, '--namespace', namespace, ...flags])
  const left = (release: string): Promise<string> => {
    const label = `app.kubernetes.io/instance=${release}`
    return cluster.must(['get', kinds, '--all-namespaces', '-l', label, '-o', 'name'])
  }

  t.test('before Longhorn nothing is made, and after it the same command installs', async (t) => {
    const early = () => install('early', 'early', 'longhornNamespace=longhorn-later')
    t.match(await early(), {
      code: 1,
      stderr: /There is no namespace longhorn-later\. Install Longhorn first, or name the namespace/,
    })
    t.equal(await left('early'), '')
    t.equal((await cluster.helm(['list', '--all', '-q', '--namespace', 'early'])).stdout, '')
    const flags = ['--dry-run=client', '--namespace', 'early', '--set', 'longhornNamespace=longhorn-later']
    t.match(await cluster.helm(['install', 'early', chart, ...flags]), { code: 0 }, 'which asks no cluster')
    await cluster.must(['create', 'namespace', 'longhorn-later'])
    t.match(await early(), { code: 0, stderr: '' })
    t.match(await uninstall('early', 'early'), { code: 0 })
    t.equal(await left('early'), '')
  })

  t.test('a release and a namespace may have names that YAML takes for something else', async (t) => {
    const names = [
      ['holdfast', '4444412'],
      ['20261129', 'null'],
      ['on', '0x1f'],
      ['1e3', '2026-11-29'],
      ['1.5', 'yes'],
    ] as const
    for (const [release, namespace] of names) {
      const all = ['proxy.longhorn.enabled=true', 'proxy.longhorn.ui.point=false', 'backstop.enabled=true']
      t.match(
        await install(release, namespace, ...all),
        { code: 0, stderr: '' },
        `${release} in ${namespace}`,
      )
      t.match(await uninstall(release, namespace), { code: 0 })
      t.equal(await left(release), '')
    }
  })

  t.test('to other certificates and back are two plain upgrades', async (t) => {
    const upgrade = (mode: string) => install('modes', 'modes', `certificates.mode=${mode}`)
    const secrets = () => cluster.must(['get', 'secrets', '-n', 'modes', '-o', 'name'])
    t.match(await upgrade('self'), { code: 0, stderr: '' })
    for (const turn of ['once', 'again']) {
      t.match(await upgrade('cert-manager'), { code: 0, stderr: '' }, turn)
      // The first step of cert-manager.
      await cluster.kubectl([
        ...['create', 'secret', 'generic', 'modes-holdfast-cert-manager-tls', '-n', 'modes'],
        ...['--type=kubernetes.io/tls', '--from-literal=tls.crt=a', '--from-literal=tls.key=b'],
      ])
      t.notMatch(await secrets(), 'modes-holdfast-tls')
      t.match(await upgrade('self'), { code: 0, stderr: '' }, turn)
      t.match(await secrets(), 'modes-holdfast-tls')
    }
    t.match(await uninstall('modes', 'modes'), { code: 0 })
  })

  t.test('commands find a guard with another name, and its objects', async (t) => {
    t.match(await install('guard', 'guardx', 'nameOverride=guard'), { code: 0, stderr: '' })
    const deployment = (await ask(cluster, 'GET', '/apis/apps/v1/namespaces/guardx/deployments/guard')) as {
      spec: { template: { metadata: object; spec: object } }
    }
    const { metadata, spec } = deployment.spec.template
    const pods = '/api/v1/namespaces/guardx/pods'
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'guard-a' }, spec }
    await ask(cluster, 'POST', pods, pod)
    const conditions = [{ type: 'Ready', status: 'True' }]
    await ask(cluster, 'PATCH', `${pods}/guard-a/status`, { status: { phase: 'Running', conditions } })
    const flags = ['--kubeconfig', `${cluster.plane.folder}/kubeconfig`, '--namespace', 'guardx']
    const { stdout } = await run(['doctor', ...flags])
    t.match(stdout, '1 of 2 replicas of the guard are ready')
    t.match(stdout, /registration +(Webhook guard\.holdfast\.dev of )?ValidatingWebhookConfiguration guard/)
    t.match(stdout, 'Secret guard-tls')
    t.notMatch(stdout, /ValidatingWebhookConfiguration holdfast|Secret holdfast-tls/)
    const audit = await run(['audit', ...flags])
    t.notMatch(audit.stderr, 'no replica of the guard runs', 'there is no kubelet to forward to it')
    await cluster.must(['delete', 'pod', 'guard-a', '-n', 'guardx', '--grace-period=0', '--force'])
    t.match(await uninstall('guard', 'guardx'), { code: 0 })
  })

  t.test('helm uninstall takes the registration away first, and leaves nothing that blocks', async (t) => {
    const world = new World(cluster)
    await world.node('r1', [disk('r1-a'), disk('r1-b')])
    t.match(await install('last', 'last', 'webhook.failurePolicy=Fail'), { code: 0, stderr: '' })
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'holdfast-book' } }
    await cluster.must(['apply', '-n', 'longhorn-system', '-f', '-'], JSON.stringify(lease))
    const evict = () =>
      cluster.kubectl([
        ...['patch', 'nodes.longhorn.io', 'r1', '-n', 'longhorn-system', '--type=merge', '--dry-run=server'],
        ...['-p', '{"spec":{"evictionRequested":true}}'],
      ])
    // The API server takes a moment to learn of a registration, and of its end.
    t.match(await askUntil(evict, ({ code }) => code !== 0), { code: 1 })
    const { code, stdout, stderr } = await uninstall('last', 'last', '--debug')
    t.equal(code, 0, stderr)
    t.ok(registrationGoesFirst(`${stdout}${stderr}`, 'last'))
    t.equal(await left('last'), '')
    t.match(await askUntil(evict, ({ code }) => code === 0), { code: 0 }, 'the eviction passes again')
    t.match(await cluster.kubectl(['get', 'lease', 'holdfast-book', '-n', 'longhorn-system']), {
      stderr: /not found/,
    })
    t.equal((await cluster.helm(['list', '--all', '-q', '--namespace', 'last'])).stdout, '')
    await cluster.must(['delete', 'nodes.longhorn.io', 'r1', '-n', 'longhorn-system'])
  })

  t.test(
    'the registration goes after the hook that can fail, so that a guard that stays is asked',
    async (t) => {
      const flags = ['upgrade', '--install', 'order', chart, '--namespace', 'order', '--create-namespace']
      const proxy = ['--no-hooks', '--set', `${unguarded},proxy.longhorn.enabled=true`]
      t.match(await cluster.helm([...flags, ...proxy]), { code: 0, stderr: '' })
      // No kubelet runs the Job here.
      t.match(await uninstall('order', 'order', '--timeout', '3s'), {
        code: 1,
        stderr: /timed out/,
      })
      t.match(await cluster.must(['get', registrations, '-o', 'name']), 'order-holdfast')
      t.match(await uninstall('order', 'order', '--no-hooks'), { code: 0 })
      t.equal(await left('order'), '')
    },
  )

  t.test('a release without hooks has neither', async (t) => {
    const none = ['uninstall.removeRegistration=false', 'uninstall.removeBook=false']
    t.match(await install('plain', 'plain', ...none), { code: 0, stderr: '' })
    t.notMatch((await cluster.helm(['get', 'hooks', 'plain', '-n', 'plain'])).stdout, 'kind: Lease')
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'holdfast-book' } }
    await cluster.must(['apply', '-n', 'longhorn-system', '-f', '-'], JSON.stringify(lease))
    const { code, stdout, stderr } = await uninstall('plain', 'plain', '--debug')
    t.equal(code, 0, stderr)
    t.notOk(registrationGoesFirst(`${stdout}${stderr}`, 'plain'))
    await cluster.must(['delete', 'lease', 'holdfast-book', '-n', 'longhorn-system'])
    t.equal(await left('plain'), '')
  })
  t.end()
}

/** By what Helm says of each deletion. */
function registrationGoesFirst(log: string, release: string): boolean {
  const deleted = (kind: string) => {
    const said = new RegExp(`"?${release}-holdfast"?\\W.*${kind}`).exec(log)
    if (said === null) throw new Error(`Helm says nothing of the deletion of a ${kind}: ${log}`)
    return said.index
  }
  return deleted('ValidatingWebhookConfiguration') < deleted('Deployment')
}
