import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { listen, portOf } from '../../src/doors/http/listen.ts'
import { leaseOf } from '../../src/kubernetes/leases/lease-format.ts'
import { RecentRecords } from '../../src/observability/audit-sinks.ts'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { operatorApi } from '../../src/server/operator-api.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { reservation } from '../gate/reservation-book-contract.ts'
import { podList } from './forwarded-pods.ts'
import { linesOf, run, start, startProcess } from './holdfast.ts'
import { forbidden, inFront } from './in-front.ts'
import { edit } from '../fixtures/edit.ts'

const longhorn = { group: 'longhorn.io', version: 'v1beta2' } as const
const images = { ...longhorn, plural: 'backingimages' }
const nodes = { ...longhorn, plural: 'nodes' }
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

/** An embedded cluster without a guard, whose clean-ups do not end by themselves. */
async function cluster(t: Test, release = 'v1.8.0') {
  const sandbox = await embeddedCluster(t, { release, nodes: 2, images: 1 })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  const change = async (plural: typeof images, name: string, spec: (spec: object) => object) => {
    const { client, namespace } = sandbox
    await edit(client, plural, { namespace, name }, (stored) => ({
      ...stored,
      spec: spec(Object(stored.spec) as object),
    }))
  }
  return {
    sandbox,
    uuid,
    status: (...args: string[]) => ['status', '--kubeconfig', kubeconfig, ...args],
    /** Takes the copy on node-1/disk-1 from spec. */
    cleanUp: () =>
      change(images, 'ubuntu-22.04', (spec) => {
        const { diskFileSpecMap } = spec as { diskFileSpecMap: Record<string, object> }
        const rest = Object.entries(diskFileSpecMap).filter(([key]) => key !== uuid)
        return { ...spec, diskFileSpecMap: Object.fromEntries(rest) }
      }),
    /** Raises the flag of node-1. */
    evict: () =>
      change(nodes, 'node-1', (spec) => ({ ...spec, allowScheduling: false, evictionRequested: true })),
    reserve: async () => {
      const page = { key: 'node-2', version: undefined, reservations: [reservation('r')] }
      const lease: ClusterObject = leaseOf(page, { replica: 'holdfast-0', now: Date.now() })
      const metadata = { ...lease.metadata, namespace: 'holdfast' }
      await sandbox.client.create(leases, { ...lease, metadata })
    },
  }
}

t.test('a cluster at rest is shown, and unknown facts are on standard error', async (t) => {
  const { status, uuid } = await cluster(t)
  const { code, stdout, stderr } = await run(status())
  t.equal(code, 0, stderr)
  t.match(
    stdout,
    /^Cluster: {2}http\S+, seen at \S+Z\nLonghorn: v1\.8\.0 crashes .*\(profile A\)\nGuard: {4}unknown: .*\n\nNODE +FLAGS +SCHEDULING +DISKS +COPIES +PENDING +RESERVED +STATE\nnode-1 +- +open +2 +1 +- +- +ok\nnode-2 /,
  )
  t.match(
    stderr,
    'The number of waiting requests is not shown: no replica of the guard runs in namespace holdfast',
  )
  const wide = await run(status('node-1', '-o', 'wide'))
  t.match(wide.stdout, new RegExp(`node-1 +disk-1 +${uuid} +- +1 present +running`))
  t.notMatch(wide.stdout, 'node-2')
})

t.test('an eviction that has met a clean-up is danger, and the exit code is 1', async (t) => {
  const { status, cleanUp, evict, reserve } = await cluster(t)
  await cleanUp()
  const cleaning = await run(status())
  t.equal(cleaning.code, 0)
  t.match(cleaning.stdout, /node-1 .*1 \(age unknown\) .*cleaning up\n/)
  t.match(cleaning.stdout, /ubuntu-22.04 +node-1 +disk-1 +ready +unknown +running\n/)
  await evict()
  await reserve()
  const danger = await run(status())
  t.equal(danger.code, 1)
  t.match(danger.stdout, /node-1 +\(node\) .*danger\n/)
  t.match(danger.stdout, /node-2 .*1 clean-up +ok\n/)
  t.equal((await run(status('node-2'))).code, 0, 'only the shown rows count')

  const json = await run(status('-o', 'json'))
  t.equal(json.code, 1)
  const document = JSON.parse(json.stdout) as Record<string, unknown>
  t.match(document, {
    apiVersion: 'holdfast.dev/v1',
    kind: 'Status',
    longhorn: { release: 'v1.8.0', profile: 'A', assumed: false },
    nodes: [{ name: 'node-1', state: 'danger', evictionRequested: true }, { name: 'node-2' }],
    pendingCleanups: [{ image: 'ubuntu-22.04', node: 'node-1', since: null, ageKnown: 'unknown' }],
    reservations: [{ node: 'node-2', intent: 'removal', by: 'holdfast-0' }],
  })
  const yaml = await run(status('-o', 'yaml'))
  t.strictSame({ ...(parse(yaml.stdout) as object), observedAt: '' }, { ...document, observedAt: '' })
})

t.test('no node is in danger on a release that crashes no manager', async (t) => {
  const { status, cleanUp, evict } = await cluster(t, 'v1.10.0')
  await cleanUp()
  await evict()
  const { code, stdout } = await run(status())
  t.equal(code, 0)
  t.match(stdout, /node-1 +\(node\) .*flagged\n/)
})

t.test('an unknown node, and a cluster that does not answer, are errors', async (t) => {
  const { status, sandbox } = await cluster(t)
  const missing = await run(status('node-1', 'nod-2'))
  t.equal(missing.code, 2)
  t.match(missing.stderr, 'There is no Longhorn node nod-2. There are: node-2, node-1')
  t.equal(missing.stdout, '')
  const wrong = await run(status('--longhorn-namespace', 'longhorn'))
  const noLonghorn = /There is no Longhorn in namespace longhorn: [^]*--longhorn-namespace/
  t.match(wrong, { code: 2, stderr: noLonghorn })
  for (const which of [['node-1'], ['-l', 'zone=a']])
    t.match(await run(status('--longhorn-namespace', 'longhorn', ...which)), { code: 2, stderr: noLonghorn })
  await sandbox.stop()
  const gone = await run(status())
  t.equal(gone.code, 2)
  t.match(gone.stderr, 'Cannot reach the API server')
  t.notMatch(gone.stderr, '    at ', 'no stack')
})

t.test('status reports Leases and objects that it cannot read, and goes on', async (t) => {
  const { sandbox } = await cluster(t)
  const config = join(t.testdir(), 'front')
  const odd = { metadata: { name: 'odd', resourceVersion: '1' }, spec: { diskFileSpecMap: 'none' } }
  const list = { metadata: { resourceVersion: '1' }, items: [odd] }
  const front = await inFront(t, sandbox.api.url, (_, path) => {
    if (path.endsWith('/leases')) return forbidden(path)
    return path.endsWith('/backingimages') ? [200, list] : undefined
  })
  await writeFile(config, front)
  const blind = await run(['status', '--kubeconfig', config])
  t.match(blind.stderr, /Reservations are not shown, since they cannot be read: .* User "ann" cannot do that/)
  t.match(blind.stdout, /node-1 .* unknown +ok\n/)
  t.match(blind.stderr, /BackingImage odd cannot be read \(spec\.diskFileSpecMap must be/)
  t.equal(blind.code, 2, 'its copies may be dangerous')
})

t.test('nodes are selected by their labels', async (t) => {
  const { sandbox, status } = await cluster(t)
  const { client, namespace } = sandbox
  await edit(client, nodes, { namespace, name: 'node-2' }, ({ metadata, ...node }) => ({
    ...node,
    metadata: { ...metadata, labels: { zone: 'a' } },
  }))
  const select = (...args: string[]) => run(status('-o', 'name', ...args))
  t.match(await select('-l', 'zone in (a,b)'), { code: 0, stdout: 'node.longhorn.io/node-2\n' })
  t.match(await select('--selector', '!zone'), { code: 0, stdout: 'node.longhorn.io/node-1\n' })
  for (const [args, wanted] of [
    [['-l', 'zone=c'], /no Longhorn node has the labels zone=c/],
    [['-l', 'zone in'], /cannot select nodes by the labels zone in: /],
    [['-l', 'zone=a', 'node-1'], /name nodes, or select them by labels/],
  ] as const)
    t.match(await select(...args), { code: 2, stdout: '', stderr: wanted }, args.join(' '))
})

t.test('replicas of the guard report their holds, and since when clean-ups are pending', async (t) => {
  const { sandbox, cleanUp, uuid } = await cluster(t)
  await cleanUp()
  const pendingCleanups = [{ image: 'ubuntu-22.04', diskUUID: uuid, pendingMs: 3 * 60_000 }]
  let holds = 2
  const api = operatorApi({
    recent: new RecentRecords(),
    status: () => ({
      replica: 'holdfast-0',
      version: '0.1.0',
      synced: true,
      diskMapAgeMs: 1,
      holds,
      waiting: [],
      settleMs: 10_000,
      settleAfterOutageMs: 90_000,
      lostAfterMs: 600_000,
      pendingCleanups,
      settling: [],
      policy: { modes: { 'copy-in-use': 'enforce' }, evictionCompletion: 'hold', release: null },
      callers: null,
    }),
  })
  await listen(api, 'test', '127.0.0.1', 0)
  t.teardown(() => api.close())
  const config = join(t.testdir(), 'front')
  const pods = (_: string, path: string) =>
    path.endsWith('/pods') ? ([200, podList(1)] as const) : undefined
  await writeFile(config, await inFront(t, sandbox.api.url, pods, [portOf(api)]))

  const shown = await run(['status', '--kubeconfig', config])
  t.match(shown.stdout, /^Guard: {4}1 replica, mode enforce$/m)
  t.match(shown.stdout, /ubuntu-22.04 .* at least 3m/)
  t.notMatch(shown.stderr, 'The number of waiting requests')

  const wide = await run(['status', '-o', 'wide', '--kubeconfig', config])
  t.match(
    wide.stdout,
    /REPLICA +VERSION +SYNCED +MODE +JUDGES BY +HOLDS\nholdfast-0 +0\.1\.0 +yes +enforce +running release +2\n/,
  )

  const child = start(['status', '--watch', '-o', 'wide', '--kubeconfig', config])
  t.teardown(child.end)
  const until = linesOf(child)
  await until(/^holdfast-0 .* 2$/)
  holds = 0
  await until(/^holdfast-0 .* 0$/)
  await api.close()
  await until(/^Guard: {4}unknown/)
  child.kill('SIGINT')
  t.equal(await child.exit, 0)
})

t.test('the help has options, exit codes and examples', async (t) => {
  const { code, stdout } = await run(['status', '--help'])
  t.equal(code, 0)
  for (const text of ['--watch', '--longhorn-namespace', 'Exit code', '$ holdfast status'])
    t.match(stdout, text)
})

t.test('a watching person sees each change, and Ctrl-C exits 0', async (t) => {
  const { status, cleanUp, evict, reserve } = await cluster(t)
  const child = startProcess(status('--watch'))
  t.teardown(child.end)
  const until = linesOf(child)
  await until(/^node-1 .* ok$/)
  await cleanUp()
  await until(/^$/)
  t.match(
    await until(/^node-1 /),
    / 1 \(\d+s\) .* cleaning up$/,
    'the age is known, since it began meanwhile',
  )
  t.match(await until(/^ubuntu/), /disk-1 +ready +\d+s +running/)
  await evict()
  await until(/^node-1 .* danger$/)
  await reserve()
  await until(/^node-2 .* 1 clean-up +ok$/)
  child.kill('SIGINT')
  t.equal(await child.exit, 0)
})

t.test('watching yields one YAML document for each change', async (t) => {
  const { status, cleanUp } = await cluster(t)
  await cleanUp()
  const child = start(status('--watch', '-o', 'yaml', 'node-1'))
  t.teardown(child.end)
  const until = linesOf(child)
  await until(/^---$/)
  await until(/^ {4}ageKnown: at least$/)
  child.kill('SIGTERM')
  t.equal(await child.exit, 0)
})
