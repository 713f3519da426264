import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { logOf, run, start } from './holdfast.ts'

const namespaces = { group: '', version: 'v1', plural: 'namespaces' }
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }
const places = ['--listen', '127.0.0.1:0', '--health-port', '0', '--operator-port', '0', '--hold', '0s']

/** An embedded cluster with two teams that have a namespace each, and proxies of people who work in one. */
async function cluster(t: Test) {
  const sandbox = await embeddedCluster(t)
  for (const name of ['team-a', 'team-b']) {
    await sandbox.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  }
  const folder = t.testdir()
  /** The arguments of a proxy whose context is in this namespace. */
  const proxyIn = async (namespace: string, ...args: string[]): Promise<string[]> => {
    const kubeconfig = join(folder, namespace)
    await writeFile(kubeconfig, kubeconfigFor(sandbox.api.url, namespace))
    return ['proxy', 'kubernetes', '--kubeconfig', kubeconfig, ...places, ...args]
  }
  /** Starts one, and waits until it knows the cluster. @returns where it listens */
  const started = async (args: readonly string[]): Promise<string> => {
    const proxy = start(args)
    t.teardown(proxy.end)
    proxy.stderr.resume()
    const log = logOf(proxy)
    const { port } = await log('listening')
    await log('every Longhorn object is read')
    return `http://127.0.0.1:${String(port)}`
  }
  return { sandbox, proxyIn, started }
}

async function patch(url: string, object: string, spec: object): Promise<number> {
  const { status } = await fetch(`${url}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/${object}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ spec }),
  })
  return status
}

t.test('two proxies of people who work in different namespaces never both admit', async (t) => {
  const { sandbox, proxyIn, started } = await cluster(t)
  const one = await started(await proxyIn('team-a'))
  const other = await started(await proxyIn('team-b'))
  const copy = sandbox.cluster.uuidOf('node-1/disk-1')
  const disks = { 'disk-2': { allowScheduling: false, evictionRequested: true } }
  const answers = await Promise.all([
    patch(one, 'backingimages/ubuntu-22.04', { diskFileSpecMap: { [copy]: null } }),
    patch(other, 'nodes/node-1', { disks }),
  ])
  t.ok(
    answers.some((status) => status !== 200),
    `answered ${answers.join(' and ')}`,
  )
  for (const namespace of ['team-a', 'team-b'])
    t.strictSame(await sandbox.client.list(leases, namespace), [], namespace)
})

t.test('a proxy with another namespace than the cluster’s refuses to start', async (t) => {
  const { proxyIn, started } = await cluster(t)
  await started(await proxyIn('default', '--namespace', 'team-a'))
  const { code, stderr } = await run(await proxyIn('default', '--namespace', 'team-b'))
  t.equal(code, 2)
  t.match(stderr, /in namespace team-a, not in team-b/)
  t.match(stderr, 'Start with --namespace team-a.')
  t.match(
    stderr,
    'To use team-b for all instead, stop every guard and proxy, and then: kubectl delete lease holdfast-book --namespace longhorn-system',
  )
})
