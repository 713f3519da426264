import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { makeAnchor } from '../../src/kubernetes/leases/book-anchor.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import { defaultPolicy, type Mode } from '../../src/rules/policy.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { operatorApi } from '../../src/server/operator-api.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { run } from './holdfast.ts'
import { type Answers, inFront } from './in-front.ts'

/** The options of tests. */
interface Choice {
  readonly release?: string
  readonly answers?: Answers
  /** The rules that one of the two replicas enforces. */
  readonly modes?: Readonly<Record<string, Mode>>
}

/** An embedded cluster, and `holdfast doctor` for it. @param choice with answers there are two replicas too */
export async function cluster(t: Test, { release = 'v1.10.0', answers, modes }: Choice = {}) {
  const sandbox = await embeddedCluster(t, { release, nodes: 2, images: 1 })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const ports = answers ? [await replica(t, modes), await replica(t)] : []
  const text = answers ? await inFront(t, sandbox.api.url, answers, ports) : sandbox.kubeconfig
  await writeFile(kubeconfig, text)
  return { sandbox, doctor: (...args: string[]) => run(['doctor', '--kubeconfig', kubeconfig, ...args]) }
}

/** The path of registrations. */
export const webhooks = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}
const longhornUser = 'system:serviceaccount:holdfast:holdfast'
const pod = (name: string, image: string) => ({
  metadata: { name, labels: { 'holdfast.dev/component': 'guard' } },
  spec: { containers: [{ name: 'holdfast', image }] },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
})

/** The Deployment of a guard, with what the chart writes on it. */
export const deployment = (annotations = {}, serviceAccountName = 'holdfast') => ({
  metadata: { name: 'holdfast', labels: { 'holdfast.dev/component': 'guard' }, annotations },
  spec: { replicas: 2, template: { spec: { serviceAccountName } } },
})

/** The objects that the embedded cluster lacks, all healthy. */
export const well: Answers = (method, path, body) => {
  if (path.startsWith('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/')) {
    const spec = { properties: { diskFileSpecMap: { type: 'object' } } }
    const schema = { openAPIV3Schema: { properties: { spec } } }
    return [200, { spec: { versions: [{ name: 'v1beta2', served: true, schema }] } }]
  }
  if (path === '/apis/authorization.k8s.io/v1/subjectaccessreviews') {
    const { spec } = JSON.parse(body) as { spec: { user: string; groups: string[] } }
    const itself = spec.user === longhornUser && spec.groups.includes('system:serviceaccounts:holdfast')
    return [201, { status: { allowed: method === 'POST' && itself } }]
  }
  if (path === '/apis/apps/v1/namespaces/holdfast/deployments') return [200, { items: [deployment()] }]
  if (path === '/api/v1/namespaces/holdfast/pods')
    return [200, { items: [pod('pod-0', 'holdfast:1'), pod('pod-1', 'holdfast:1')] }]
  if (method === 'PATCH' && path.includes('/backingimages/')) return denied
  return undefined
}

/** The API server's answer to a write that the guard denies. */
const denied = [
  403,
  {
    kind: 'Status',
    code: 403,
    reason: 'Forbidden',
    message: 'admission webhook "guard.holdfast.dev" denied the request: removing the copy is denied',
    details: { causes: [{ reason: 'last-usable-copy' }] },
  },
] as const

/** The operator port of a replica, which says what it enforces. */
async function replica(
  t: Test,
  modes: Readonly<Record<string, Mode>> = defaultPolicy.modes,
): Promise<number> {
  const settle = { settleMs: 10_000, settleAfterOutageMs: 90_000, lostAfterMs: 600_000 }
  const status = { replica: 'one', version: '0.1.0', synced: true, diskMapAgeMs: 1, holds: 0, ...settle }
  const policy = { modes, evictionCompletion: 'hold', release: null }
  const api = operatorApi({
    recent: new RecentRecords(),
    status: () => ({ ...status, waiting: [], pendingCleanups: [], settling: [], policy, callers: null }),
  })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  return portOf(api)
}

/** Registers a guard in the cluster, and keeps its certificate there. */
export async function install({ sandbox }: { sandbox: Sandbox }) {
  const clock = { now: () => Date.now() }
  const authority = await makeAuthority(clock)
  const serving = await issueServing(authority, { dns: ['localhost'], ips: [] }, clock)
  await makeAnchor(
    { connection: connectTo(sandbox.api.url), longhornNamespace: sandbox.namespace },
    'holdfast',
    new AbortController().signal,
  )
  await sandbox.client.create(
    webhooks,
    registration({ url: 'https://localhost:1/validate', authorityCert: authority.cert, timeoutSeconds: 10 }),
  )
  await sandbox.client.create(
    { group: '', version: 'v1', plural: 'secrets' },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'holdfast-tls', namespace: 'holdfast' },
      data: { 'tls.crt': Buffer.from(serving.cert).toString('base64') },
    },
  )
}
