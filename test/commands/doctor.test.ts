import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { makeAnchor } from '../../src/kubernetes/book-anchor.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { RecentRecords } from '../../src/audit/recent.ts'
import { operatorApi } from '../../src/operator/operator-api.ts'
import { defaultPolicy, type Mode } from '../../src/rules/policy.ts'
import { object } from '../../src/sandbox/json.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { listen, portOf } from '../../src/webhook/listen.ts'
import { registration } from '../../src/webhook/registration.ts'
import { forbidden, inFront, type Answers } from './in-front.ts'
import { run } from './holdfast.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'

interface Choice {
  readonly release?: string
  readonly answers?: Answers
  /** What one of the two replicas says that it enforces. */
  readonly modes?: Readonly<Record<string, Mode>>
}

async function cluster(t: Test, { release = 'v1.10.0', answers, modes }: Choice = {}) {
  const sandbox = await embeddedCluster(t, { release, nodes: 2, images: 1 })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const ports = answers ? [await replica(t, modes), await replica(t)] : []
  const text = answers ? await inFront(t, sandbox.api.url, answers, ports) : sandbox.kubeconfig
  await writeFile(kubeconfig, text)
  return { sandbox, doctor: (...args: string[]) => run(['doctor', '--kubeconfig', kubeconfig, ...args]) }
}

const webhooks = {
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

const deployment = (annotations = {}, serviceAccountName = 'holdfast') => ({
  metadata: { name: 'holdfast', labels: { 'holdfast.dev/component': 'guard' }, annotations },
  spec: { replicas: 2, template: { spec: { serviceAccountName } } },
})

/** What a cluster has that the embedded one has not, all of it as it should be. */
const well: Answers = (method, path, body) => {
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

/** What the API server says of a write that the guard denies. */
const denied = [
  403,
  {
    kind: 'Status',
    code: 403,
    reason: 'Forbidden',
    message: 'admission webhook "guard.holdfast.dev" denied the request: refused by last-usable-copy',
    details: { causes: [{ reason: 'last-usable-copy' }] },
  },
] as const

/** The operator port of a replica, which says what it enforces. */
async function replica(
  t: Test,
  modes: Readonly<Record<string, Mode>> = defaultPolicy.modes,
): Promise<number> {
  const settle = { settleMs: 10_000, settleAfterOutageMs: 90_000 }
  const status = { replica: 'one', version: '0.1.0', synced: true, diskMapAgeMs: 1, holds: 0, ...settle }
  const policy = { modes, evictionCompletion: 'hold', release: null }
  const api = operatorApi({
    recent: new RecentRecords(),
    status: () => ({ ...status, pendingCleanups: [], settling: [], policy, callers: null }),
  })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  return portOf(api)
}

/** Registers a guard in the cluster, and keeps its certificate there. */
async function install({ sandbox }: { sandbox: Sandbox }) {
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

t.test('where all is well, it says so and exits 0', async (t) => {
  const world = await cluster(t, { answers: well })
  await install(world)
  const { code, stdout, stderr } = await world.doctor()
  t.equal(code, 0, stdout)
  t.equal(stderr, '')
  t.match(stdout, /\n0 error, 0 warn, 0 unknown, 15 ok\n$/)
  const worse = await world.doctor('--target', 'v1.8.1')
  t.equal(worse.code, 1)
  t.match(worse.stdout, 'Move to v1.8.2 instead')
})

t.test('registration, Secret and account of a guard are found, whatever they are called', async (t) => {
  const asked = new Set<string>()
  const world = await cluster(t, {
    answers: (method, path, body) => {
      if (path === '/apis/authorization.k8s.io/v1/subjectaccessreviews') {
        asked.add((JSON.parse(body) as { spec: { user: string } }).spec.user)
        return [201, { status: { allowed: true } }]
      }
      const own = {
        'holdfast.dev/registration': 'platform',
        'holdfast.dev/certificate-secret': 'platform-tls',
      }
      if (path.endsWith('/deployments')) return [200, { items: [deployment(own, 'platform')] }]
      return well(method, path, body)
    },
  })
  const { stdout } = await world.doctor()
  t.match(stdout, 'There is no ValidatingWebhookConfiguration platform.')
  t.match(stdout, 'Secret platform-tls')
  t.strictSame([...asked], ['system:serviceaccount:holdfast:platform'])
  const named = await world.doctor('--webhook-configuration', 'mine', '--service-account', 'mine')
  t.match(named.stdout, 'There is no ValidatingWebhookConfiguration mine.', 'who names one is believed')
  t.ok(asked.has('system:serviceaccount:holdfast:mine'))
})

t.test('what is forbidden is unknown, with the reason, and exits 2', async (t) => {
  const world = await cluster(t, {
    answers: (method, path, body) =>
      /secrets|subjectaccessreviews|customresourcedefinitions/.test(path)
        ? forbidden(path)
        : well(method, path, body),
  })
  await install(world)
  const { code, stdout } = await world.doctor('-o', 'json')
  t.equal(code, 2)
  const document = JSON.parse(stdout) as { findings: { check: string; level: string; why: string }[] }
  t.match(document, { kind: 'Diagnosis', summary: { ok: 12, warn: 0, error: 0, unknown: 3 } })
  const unknown = document.findings.filter(({ level }) => level === 'unknown')
  t.strictSame(
    unknown.map(({ check }) => check),
    ['crds', 'certificate', 'rights'],
  )
  for (const { check, why } of unknown) t.match(why, 'User "ann" cannot do that', check)
})

t.test('what the cluster answers is not taken for more than it is', async (t) => {
  const world = await cluster(t, {
    answers: (method, path, body) => {
      if (path.endsWith('/customresourcedefinitions')) return undefined
      if (path === '/apis/apiextensions.k8s.io/v1')
        return [200, { resources: [{ name: 'customresourcedefinitions' }] }]
      if (path.endsWith('customresourcedefinitions/nodes.longhorn.io'))
        return [404, { kind: 'Status', code: 404, reason: 'NotFound', message: 'not found' }]
      if (path.endsWith('/pods')) return [200, { items: [{}] }]
      if (path.endsWith('/deployments')) return [200, []]
      return well(method, path, body)
    },
  })
  await install(world)
  const { code, stdout } = await world.doctor()
  t.equal(code, 1)
  t.match(stdout, 'There is no definition of nodes.longhorn.io', 'it is served, and so it is missing')
  t.match(stdout, /pods cannot be read: /)
  t.match(stdout, /deployments cannot be read: /)
})

t.test(
  'on the embedded cluster without a guard, what nobody can tell is unknown and the rest is judged',
  async (t) => {
    const { doctor } = await cluster(t, { release: 'v1.8.0' })
    const { code, stdout } = await doctor('--target', 'v1.8.2', '-o', 'yaml')
    t.equal(code, 1)
    const { summary, findings } = parse(stdout) as {
      summary: object
      findings: { check: string; level: string }[]
    }
    t.strictSame(summary, { ok: 6, warn: 2, error: 3, unknown: 4 })
    const level = (name: string) => findings.find(({ check }) => check === name)?.level
    t.equal(level('release'), 'warn')
    t.equal(level('registration'), 'error')
    t.equal(level('dry-run'), 'error')
    t.equal(level('replicas'), 'error')
    for (const check of ['trust', 'certificate', 'rules']) t.equal(level(check), 'unknown', check)
    for (const check of ['crds', 'rights', 'reservations', 'clock', 'upgrade'])
      t.equal(level(check), 'ok', check)
  },
)

t.test('Longhorn that cannot be read is told; no cluster at all exits 2', async (t) => {
  const { doctor, sandbox } = await cluster(t, {
    answers: (method, path, body) =>
      path.includes('/longhorn.io/') ? forbidden(path) : well(method, path, body),
  })
  const blind = await doctor()
  t.equal(blind.code, 1, 'nothing is registered')
  t.match(blind.stdout, /unknown {2}release +The Longhorn release could not be read\.\n +why: .*forbidden/)
  t.match(blind.stdout, /unknown {2}upgrade /)
  await sandbox.stop()
  const gone = await doctor()
  t.equal(gone.code, 2)
  t.match(gone.stderr, 'Cannot reach the API server')
  t.equal(gone.stdout, '')
})

t.test('a registration that somebody narrowed is told, and so is a guard that only watches', async (t) => {
  const off = { ...defaultPolicy.modes, 'last-usable-copy': 'off' as const }
  const world = await cluster(t, {
    modes: off,
    answers: (method, path, body) => {
      if (method === 'PATCH' && path.includes('/backingimages/')) return undefined
      return well(method, path, body)
    },
  })
  await install(world)
  const stored = await world.sandbox.client.get(webhooks, '', 'holdfast')
  if (!stored) throw new Error('there is no registration')
  const narrowed = [stored.webhooks].flat().map((webhook) => ({
    ...object(webhook),
    objectSelector: { matchLabels: { guarded: 'yes' } },
  }))
  await world.sandbox.client.update(webhooks, { ...stored, webhooks: narrowed })
  const { code, stdout } = await world.doctor()
  t.equal(code, 1)
  t.match(stdout, /error +registration +Webhook guard\.holdfast\.dev .* has an objectSelector \(guarded\)/)
  t.match(stdout, /error +dry-run +A dry run that removes all copies of .* is admitted/)
  t.match(stdout, /warn +rules +Replica one of the guard does not enforce last-usable-copy \(off\)/)
})

t.test('who makes a certificate is seen in its Secret, and the remedy is theirs', async (t) => {
  const { sandbox, doctor } = await cluster(t)
  const none = Buffer.from('no certificate').toString('base64')
  const cases = [
    ['own', {}, { 'ca.key': none }, /"op":"remove"/],
    ['issued', { 'cert-manager.io/certificate-name': 'guard' }, {}, /cmctl renew -n holdfast guard/],
    ['theirs', {}, {}, /Whoever made it has to make another/],
  ] as const
  for (const [name, annotations, data, remedy] of cases) {
    await sandbox.client.create(
      { group: '', version: 'v1', plural: 'secrets' },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'holdfast', annotations },
        data: { 'tls.crt': none, ...data },
      },
    )
    const { stdout } = await doctor('--certificate-secret', name, '--namespace', 'holdfast', '-o', 'json')
    const { findings } = JSON.parse(stdout) as { findings: { check: string; remedy: string }[] }
    t.match(findings.find(({ check }) => check === 'certificate')?.remedy, remedy, name)
  }
})

t.test('help tells options, exit codes and examples', async (t) => {
  const { code, stdout } = await run(['doctor', '--help'])
  t.equal(code, 0)
  for (const text of ['--target', '--webhook-configuration', 'Exit code', '$ holdfast doctor']) {
    t.match(stdout, text)
  }
})
