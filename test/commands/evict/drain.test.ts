import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { run } from '../holdfast.ts'
import { inFront } from '../in-front.ts'

const pod = (name: string, metadata: object = {}) => ({
  metadata: { name, namespace: 'default', ...metadata },
})
const ownedBy = (kind: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'x', uid: 'x', controller: true }],
})
/** What a drain leaves. */
const stays = [
  pod('daemon', ownedBy('DaemonSet')),
  pod('static', { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
]

/** A cluster in which node-2 is drained while somebody looks. */
async function cluster(t: Test, looks: readonly (readonly [cordoned: boolean, pods: readonly object[]])[]) {
  const longhorn = { drainMs: 50, copyMs: 50, rebuildMs: 50, syncMs: 50 }
  const sandbox = await embeddedCluster(t, { release: 'v1.10.0', longhorn })
  let look = -1
  const now = () => looks[Math.min(Math.max(0, look), looks.length - 1)]
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const front = await inFront(t, sandbox.api.url, (_, path) => {
    if (path.startsWith('/api/v1/nodes/node-2')) {
      look += 1
      return [200, { spec: { unschedulable: now()?.[0] } }]
    }
    if (path.startsWith('/api/v1/pods')) return [200, { items: now()?.[1] }]
    return undefined
  })
  await writeFile(kubeconfig, front)
  return { evict: (...args: string[]) => run(['evict', ...args, '--kubeconfig', kubeconfig]) }
}

t.test('with --wait-for-drain it ends once the node is empty and drained', async (t) => {
  const { evict } = await cluster(t, [
    [false, [pod('web-1'), ...stays]],
    [true, [pod('web-1', ownedBy('ReplicaSet')), ...stays]],
    [true, stays],
  ])
  const { code, stderr, stdout } = await evict('node-2', '--wait-for-drain', '-o', 'json')
  t.equal(code, 0, stderr)
  t.match(stderr, /node node-2: empty, waiting for kubectl drain to move 1 pod away: default\/web-1\n/)
  t.match(stderr, /done: no replica and no copy is left\n[^]*drained: no pod is left but those of DaemonSets/)
  const steps = stdout.trimEnd().split('\n')
  t.match(
    steps.slice(-2).map((line) => JSON.parse(line) as unknown),
    [{ step: 'wait-for-drain', cordoned: true, pods: ['default/web-1'] }, { step: 'drained' }],
  )
})

t.test('a node that is not cordoned is not drained, even without a pod', async (t) => {
  const { evict } = await cluster(t, [
    [false, []],
    [false, []],
    [true, []],
  ])
  t.match(await evict('node-2', '--wait-for-drain'), {
    code: 0,
    stderr: /empty, waiting for kubectl drain: the Kubernetes node is not cordoned yet/,
  })
})

t.test('nothing begins if the drain cannot be seen', async (t) => {
  const { evict } = await cluster(t, [])
  const { code, stderr } = await evict('node-1', '--wait-for-drain')
  t.equal(code, 2)
  t.match(stderr, /cannot tell whether the node is drained: .*the right to get nodes, and to list pods/)
  t.notMatch(stderr, 'requesting the eviction')
})
