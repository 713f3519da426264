import type { Test } from 'tap'
import { disk } from '../../fixtures/raw-objects.ts'
import { root } from '../../fixtures/root.ts'
import { ask } from '../cluster.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'

const chartFolder = `${root}/charts/holdfast`

/** The life of a release, with the commands of README. No guard answers here, so its registration lets everything pass. */
export function install(t: Test, cluster: RealCluster): void {
  const world = new World(cluster)
  const helm = async (t: Test, ...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.helm([...args, '--namespace', 'trial'])
    t.equal(code, 0, stderr)
    return stdout
  }

  t.test('helm install prints the next commands, and they work', async (t) => {
    const said = await helm(
      t,
      'install',
      'trial',
      chartFolder,
      '--create-namespace',
      '--set',
      'webhook.failurePolicy=Ignore,proxy.longhorn.enabled=true',
      '--no-hooks',
    )
    const commands = [...said.matchAll(/^ +((?:kubectl|helm) .*)$/gm)].flatMap(([, line]) => line ?? [])
    t.equal(commands.length, 5, said)
    await world.node('i1', [disk('i1-a')])
    await cluster.must(['create', 'deployment', 'longhorn-ui', '--image=ui', '-n', 'longhorn-system'])
    for (const line of commands) {
      // It takes a kubelet to run the pod of a test.
      if (line.startsWith('helm test')) continue
      const ended = await cluster.shell(line.replace('<node>', 'i1').replace(' --follow', ''))
      t.match(
        { line, code: ended.code, stderr: ended.stderr },
        { code: 0, stderr: /^(No resources found.*)?$/m },
      )
    }
    await cluster.must(['delete', 'deployment', 'longhorn-ui', '-n', 'longhorn-system'])
    await cluster.must(['delete', 'nodes.longhorn.io', 'i1', '-n', 'longhorn-system'])
    await helm(t, 'upgrade', 'trial', chartFolder, '--reset-then-reuse-values', '--no-hooks')
  })

  t.test('a NetworkPolicy that alone would cut Longhorn off is not installed', async (t) => {
    const upgrade = [
      'upgrade',
      'trial',
      chartFolder,
      '--namespace',
      'trial',
      '--reset-then-reuse-values',
      '--no-hooks',
    ]
    const allow = [...upgrade, '--set', 'proxy.longhorn.backendPolicy.mode=allow']
    t.match(await cluster.helm(allow), { code: 1, stderr: /would cut Longhorn off/ })
    const own = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'longhorn-manager', namespace: 'longhorn-system' },
      spec: { podSelector: { matchLabels: { app: 'longhorn-manager' } }, policyTypes: ['Ingress'] },
    }
    await cluster.must(['apply', '-f', '-'], JSON.stringify(own))
    t.match(await cluster.helm(allow), { code: 0 })
    await cluster.must(['delete', 'networkpolicy', 'longhorn-manager', '-n', 'longhorn-system'])
  })

  t.test('helm upgrade keeps the certificates, and the caBundle', async (t) => {
    const secret = '/api/v1/namespaces/trial/secrets/trial-holdfast-tls'
    const registration =
      '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/trial-holdfast'
    await ask(cluster, 'PATCH', secret, { data: { 'tls.crt': 'eA==' } })
    const found = (await ask(cluster, 'GET', registration)) as { webhooks: { clientConfig: object }[] }
    const { plane } = cluster
    const caBundle = Buffer.from(plane.authorityCert).toString('base64')
    const webhooks = found.webhooks.map((webhook) => ({
      ...webhook,
      clientConfig: { ...webhook.clientConfig, caBundle },
    }))
    await ask(cluster, 'PATCH', registration, { webhooks })
    await helm(
      t,
      'upgrade',
      'trial',
      chartFolder,
      '--reset-then-reuse-values',
      '--no-hooks',
      '--set',
      'replicas=3,proxy.longhorn.backendPolicy.mode=none',
    )
    t.match(await ask(cluster, 'GET', secret), { data: { 'tls.crt': 'eA==' } })
    const kept = webhooks.map(() => ({ clientConfig: { caBundle } }))
    t.match(await ask(cluster, 'GET', registration), { webhooks: kept })
  })

  t.test('helm upgrade puts a registration back that was taken away', async (t) => {
    const name = 'validatingwebhookconfigurations.admissionregistration.k8s.io/trial-holdfast'
    await cluster.must(['delete', name])
    await helm(t, 'upgrade', 'trial', chartFolder, '--reset-then-reuse-values', '--no-hooks')
    t.match(await cluster.must(['get', name, '-o', 'name']), 'trial-holdfast')
  })

  t.test('helm uninstall leaves only the objects that the namespace takes along', async (t) => {
    await helm(t, 'uninstall', 'trial', '--no-hooks')
    const kinds = [
      'validatingwebhookconfigurations,validatingadmissionpolicies,clusterroles,clusterrolebindings',
      'roles,rolebindings,serviceaccounts,configmaps,secrets,services,deployments,networkpolicies',
    ].join()
    const label = 'app.kubernetes.io/instance=trial'
    const left = await cluster.must(['get', kinds, '--all-namespaces', '-l', label, '-o', 'name'])
    t.equal(left, '')
    await cluster.must(['delete', 'namespace', 'trial', '--wait=false'])
  })
  t.end()
}
