import type { Test } from 'tap'
import type { Ended } from '../../commands/holdfast.ts'
import { copy, disk, pending, ready, uuid } from '../../fixtures/raw-objects.ts'
import { longhornPath, type Cluster } from '../cluster.ts'
import { calm, cleanUp, evict, longhorn, patch } from '../requests.ts'
import { World } from '../world.ts'

/** Each rule, through kubectl, on a release that crashes (profile A). */
export function rules(t: Test, cluster: Cluster): void {
  const world = new World(cluster)
  const forbids = (t: Test, rule: string, { code, stderr }: Ended): void => {
    t.equal(code, 1, stderr)
    t.match(
      stderr,
      new RegExp(`denied the request: .* (is denied|has to wait): [^]* rule ${rule}\\b`),
      stderr,
    )
  }
  const flagged = { evictionRequested: true }

  t.test('eviction-during-cleanup', async (t) => {
    await world.node('r1', [disk('r1-a'), disk('r1-b')])
    await world.node('r1x', [disk('r1-c')])
    await world.image('r1', [pending('r1-a'), ready('r1-c')])
    forbids(t, 'eviction-during-cleanup', await evict(cluster, 'r1', 'r1-b', ...longhorn))
  })

  t.test('cleanup-during-eviction', async (t) => {
    await world.node('r2', [disk('r2-a'), disk('r2-b', flagged)])
    await world.node('r2x', [disk('r2-c')])
    await world.image('r2', [ready('r2-a'), ready('r2-c')])
    forbids(t, 'cleanup-during-eviction', await cleanUp(cluster, 'r2', 'r2-a', ...longhorn))
    t.equal(
      (await cleanUp(cluster, 'r2', 'r2-c', ...longhorn, '--dry-run=server')).code,
      0,
      'not on the other node',
    )
  })

  t.test('first-file-during-eviction', async (t) => {
    await world.node('r3', [disk('r3-a'), disk('r3-b', flagged)])
    const source = {
      apiVersion: 'longhorn.io/v1beta2',
      kind: 'BackingImageDataSource',
      metadata: { name: 'r3', namespace: 'longhorn-system' },
      spec: {
        nodeID: 'r3',
        diskUUID: uuid('r3-a'),
        diskPath: '/mnt/r3-a',
        sourceType: 'download',
        uuid: 'r3',
      },
    }
    const created = await cluster.kubectl(['create', '-f', '-'], JSON.stringify(source))
    forbids(t, 'first-file-during-eviction', created)
  })

  t.test('first-file-unfinished', async (t) => {
    await world.node('r4', [disk('r4-a')])
    await world.node('r4x', [disk('r4-b')])
    await world.image('r4', [copy('r4-a', 'in-progress'), ready('r4-b')])
    await world.firstFile('r4', 'r4-a')
    forbids(t, 'first-file-unfinished', await evict(cluster, 'r4', 'r4-a', ...longhorn))
  })

  t.test('last-usable-copy', async (t) => {
    await world.node('r5', [disk('r5-a')])
    await world.image('r5', [ready('r5-a')])
    forbids(t, 'last-usable-copy', await cleanUp(cluster, 'r5', 'r5-a'))
  })

  t.test('evict-unready-copy', async (t) => {
    await world.node('r6', [disk('r6-a')])
    await world.image('r6', [copy('r6-a', 'unknown')])
    forbids(t, 'evict-unready-copy', await evict(cluster, 'r6', 'r6-a', ...longhorn))
  })

  t.test('copy-in-use', async (t) => {
    await world.node('r7', [disk('r7-a')])
    await world.node('r7x', [disk('r7-b')])
    await world.image('r7', [ready('r7-a'), ready('r7-b')])
    await world.replica('r7-r-1', 'r7', 'r7', 'r7-a')
    forbids(t, 'copy-in-use', await cleanUp(cluster, 'r7', 'r7-a'))
  })

  t.test('below-min-copies', async (t) => {
    await world.node('r8', [disk('r8-a')])
    await world.node('r8x', [disk('r8-b')])
    await world.image('r8', [ready('r8-a'), ready('r8-b')], { minNumberOfCopies: 2 })
    forbids(t, 'below-min-copies', await cleanUp(cluster, 'r8', 'r8-a'))
  })

  t.test('disk-removal-with-copies', async (t) => {
    await world.node('r9', [disk('r9-a'), disk('r9-b')])
    await world.image('r9', [ready('r9-a')])
    forbids(
      t,
      'disk-removal-with-copies',
      await patch(cluster, 'nodes', 'r9', { spec: { disks: { 'r9-a': null } } }),
    )
    const deleted = ['delete', 'nodes.longhorn.io', 'r9', '-n', 'longhorn-system', '--wait=false']
    forbids(t, 'disk-removal-with-copies', await cluster.kubectl(deleted))
  })

  t.test('no-eviction-target', async (t) => {
    await world.node('r10', [disk('r10-a', { tags: ['only-here'] })])
    await world.image('r10', [ready('r10-a')], { diskSelector: ['only-here'] })
    const { code, stderr } = await evict(cluster, 'r10', 'r10-a')
    t.equal(code, 0, stderr)
    t.match(stderr, /Warning: .*no-eviction-target/)
    t.equal((await calm(cluster, 'r10', 'r10-a')).code, 0)
  })

  t.test('lingering-eviction', async (t) => {
    await world.node('r11', [disk('r11-a', flagged)])
    await world.image('r11', [ready('r11-a', { evicting: true })])
    const { code, stderr } = await calm(cluster, 'r11', 'r11-a')
    t.equal(code, 0, stderr)
    // The chart's matchConditions keep whatever clears a flag away from the guard.
    t.match(stderr, cluster.isReal ? /^$/ : /Warning: .*lingering-eviction/)
  })

  t.test('a harmless write passes without a warning', async (t) => {
    await world.node('r12', [disk('r12-a'), disk('r12-b')])
    await world.image('r12', [pending('r12-a')])
    t.strictSame(await patch(cluster, 'nodes', 'r12', { spec: { tags: ['ssd'] } }), {
      code: 0,
      stdout: 'node.longhorn.io/r12 patched\n',
      stderr: '',
    })
    const path = `${longhornPath('backingimages')}/r12`
    t.equal((await cluster.kubectl(['get', '--raw', path])).code, 0)
  })
  t.end()
}
