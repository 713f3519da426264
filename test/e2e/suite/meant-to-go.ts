import type { Test } from 'tap'
import { copy, disk, ready } from '../../fixtures/raw-objects.ts'
import { ask, longhornPath, type Cluster } from '../cluster.ts'
import { longhorn } from '../requests.ts'
import { World } from '../world.ts'

const namespaceController = 'system:serviceaccount:kube-system:namespace-controller'
const garbageCollector = 'system:serviceaccount:kube-system:generic-garbage-collector'

/** The start of a scenario: a node with the last copy of an image, which no other user may delete. */
async function lastCopy(world: World, name: string): Promise<void> {
  await world.node(name, [disk(`${name}-a`)])
  await world.image(name, [ready(`${name}-a`)])
}

/**
 * The namespace controller and the garbage collector delete whatever they like.
 *
 * @param others the error for all other users
 */
async function controllersPass(t: Test, cluster: Cluster, name: string, others: RegExp): Promise<void> {
  const whole = longhornPath('nodes')
  const calls = [
    [whole, namespaceController],
    [`${whole}/${name}`, namespaceController],
    [`${whole}/${name}`, garbageCollector],
  ] as const
  for (const [path, as] of calls) {
    const { code, stderr } = await cluster.kubectl(['delete', '--raw', `${path}?dryRun=All`, '--as', as])
    t.equal(code, 0, `${path}, by ${as}: ${stderr}`)
  }
  const remove = ['delete', 'nodes.longhorn.io', name, '-n', 'longhorn-system']
  t.match(await cluster.kubectl(remove), { code: 1, stderr: others })
  const { code, stderr } = await cluster.kubectl([...remove, '--as', namespaceController])
  t.equal(code, 0, stderr)
}

/** Deletions on purpose pass a guard that answers, and so do objects from a backup. */
export function meantToGo(t: Test, cluster: Cluster): void {
  const world = new World(cluster)
  t.teardown(() => world.forgetImages())

  t.test('a namespace ends, and garbage is collected', async (t) => {
    await lastCopy(world, 'g1')
    await controllersPass(t, cluster, 'g1', /is denied: [^]*rule disk-removal-with-copies/)
  })

  t.test('a node that Kubernetes let go of is deleted while its image is ready elsewhere', async (t) => {
    const notReady = { reason: 'KubernetesNodeGone', since: '2026-01-01T00:00:00Z' }
    await world.node('g2', [disk('g2-a')], { notReady, allowScheduling: false })
    await world.node('g2x', [disk('g2-b')])
    await world.image('g2', [copy('g2-a', 'unknown'), ready('g2-b')])
    const remove = ['delete', 'nodes.longhorn.io', 'g2', '-n', 'longhorn-system', ...longhorn]
    const { code, stderr } = await cluster.kubectl(remove)
    t.equal(code, 0, stderr)
    t.match(stderr, /Warning: .*keeps a ready one on g2-b.*disk-removal-with-copies/)
  })

  // Only the real API server says when the status was written (metadata.managedFields).
  const skip = cluster.isReal ? false : 'the embedded API server keeps no managedFields'
  const justNow = 'a node whose status was written just now is not lost, however old its condition is'
  t.test(justNow, { skip }, async (t) => {
    const notReady = { reason: 'ManagerPodMissing', since: '2026-01-01T00:00:00Z' }
    await world.node('g6', [disk('g6-a')], { notReady, allowScheduling: false })
    await world.node('g6x', [disk('g6-b')])
    await world.image('g6', [copy('g6-a', 'unknown'), ready('g6-b')])
    const remove = ['delete', 'nodes.longhorn.io', 'g6', '-n', 'longhorn-system', ...longhorn]
    const refused =
      /is denied: [^]*node g6 is down, for \d+s \(ManagerPodMissing\)[^]*rule disk-removal-with-copies/
    t.match(await cluster.kubectl(remove), { code: 1, stderr: refused })
  })

  t.test('the last copy on such a node goes by an override that is written on it', async (t) => {
    await world.node('g3', [disk('g3-a')], { notReady: { reason: 'KubernetesNodeGone' } })
    await world.image('g3', [copy('g3-a', 'unknown')])
    const remove = ['delete', 'nodes.longhorn.io', 'g3', '-n', 'longhorn-system']
    const refused = await cluster.kubectl(remove)
    t.equal(refused.code, 1)
    const [, override = ''] = /'(holdfast\.dev\/override=delete [^']*)'/.exec(refused.stderr) ?? []
    t.match(refused.stderr, 'disable the scheduling of the node, then kubectl')
    const off = '{"spec":{"allowScheduling":false}}'
    const node = ['nodes.longhorn.io', 'g3', '-n', 'longhorn-system']
    await cluster.kubectl(['patch', ...node, '--type', 'merge', '--patch', off])
    await cluster.kubectl([
      ...['annotate', '--overwrite', ...node],
      override.replace('<why>', 'the machine burnt down'),
    ])
    const { code, stderr } = await cluster.kubectl(remove)
    t.equal(code, 0, stderr)
    t.match(stderr, /Warning: overridden, which is on record: the machine burnt down/)
  })

  t.test('an object that a backup restores without status passes', async (t) => {
    const metadata = { namespace: 'longhorn-system', labels: { 'velero.io/restore-name': 'r1' } }
    const made = (kind: string, name: string, spec: object) => ({
      apiVersion: 'longhorn.io/v1beta2',
      kind,
      metadata: { ...metadata, name },
      spec,
    })
    const diskSpec = {
      allowScheduling: true,
      evictionRequested: false,
      path: '/mnt/g4',
      diskType: 'filesystem',
    }
    const node = { name: 'g4', allowScheduling: true, evictionRequested: false, disks: { 'g4-a': diskSpec } }
    await ask(cluster, 'POST', longhornPath('nodes'), made('Node', 'g4', node))
    const image = { sourceType: 'upload', minNumberOfCopies: 1, diskFileSpecMap: { 'uuid-g4-a': {} } }
    await ask(cluster, 'POST', longhornPath('backingimages'), made('BackingImage', 'g4', image))
    t.teardown(() => ask(cluster, 'DELETE', longhornPath('backingimages/g4')))
    t.pass('neither was refused')
  })
  t.end()
}

/** The same with no guard left. The node has to be there before the last one goes. */
export async function beforeNobodyLetsGo(cluster: Cluster): Promise<void> {
  await lastCopy(new World(cluster), 'g5')
}

/** With no guard left, the registration alone lets a namespace end. */
export function nobodyLetsGo(t: Test, cluster: Cluster): void {
  t.test('a namespace ends with no guard running', async (t) => {
    await controllersPass(t, cluster, 'g5', /failed calling webhook "guard.holdfast.dev"/)
  })
  t.end()
}
