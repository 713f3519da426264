import type { Test } from 'tap'
import type { Ended } from '../../commands/holdfast.ts'
import { disk, pending, ready, uuid } from '../../fixtures/raw-objects.ts'
import { askUntil } from '../ask-until.ts'
import { ask, longhornPath } from '../cluster.ts'
import { everything } from '../chart.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, cleanUp, evict, patch } from '../requests.ts'
import { World } from '../world.ts'

const flagged = { evictionRequested: true }

/** The start of the scenarios, while a guard still answers, since it has to admit a node with a flag. */
export async function beforeNobodyAnswers(cluster: RealCluster): Promise<void> {
  const world = new World(cluster)
  await world.node('n1', [disk('n1-a'), disk('n1-b', flagged)], flagged)
  await world.node('n1x', [disk('n1-c')])
  await world.node('n1y', [])
  await world.image('n1', [pending('n1-a'), ready('n1-c')])
  await world.node('n2', [disk('n2-a')], flagged)
  await world.node('n3', [disk('n3-a'), disk('n3-b')])
  await world.node('n3x', [disk('n3-c', flagged)])
  await world.node('n3y', [])
  await world.image('n3', [ready('n3-a'), ready('n3-c')])
  await world.node('n6', [disk('n6-a'), disk('n6-b', flagged)])
  await world.node('n6x', [disk('n6-c')])
  await world.image('n6', [ready('n6-a'), ready('n6-c')])
}

/** The effect of the registration alone, without a replica. */
export function nobodyAnswers(t: Test, cluster: RealCluster): void {
  const world = new World(cluster)
  const fails = (t: Test, { code, stderr }: { code: number | null; stderr: string }): void => {
    t.equal(code, 1)
    t.match(stderr, /failed calling webhook "guard.holdfast.dev"/)
  }

  t.test('everything that raises no danger passes', async (t) => {
    const spec = (name: string, spec: object) => patch(cluster, 'nodes', name, { spec })
    const calls: [string, Promise<{ code: number | null; stderr: string }>][] = [
      ['tags', spec('n1', { tags: ['ssd'] })],
      ['scheduling', spec('n1', { allowScheduling: false })],
      ['a label', patch(cluster, 'nodes', 'n1', { metadata: { labels: { rack: '7' } } })],
      ['a flag that is up already', spec('n1', { evictionRequested: true })],
      ['a disk on a node without flags', spec('n1y', { disks: { new: { path: '/mnt/new' } } })],
      ['a copy that is added', patch(cluster, 'backingimages', 'n1', added('n1-d'))],
      ['minNumberOfCopies', patch(cluster, 'backingimages', 'n1', { spec: { minNumberOfCopies: 1 } })],
      [
        'status',
        patch(cluster, 'backingimages', 'n1', { status: { ownerID: 'n1' } }, '--subresource=status'),
      ],
      [
        'status of a node',
        patch(cluster, 'nodes', 'n1', { status: { region: 'x' } }, '--subresource=status'),
      ],
    ]
    for (const [what, call] of calls) t.strictSame([(await call).stderr, (await call).code], ['', 0], what)
    const down = { evictionRequested: false, disks: { 'n1-b': { evictionRequested: false } } }
    t.strictSame((await spec('n1', down)).stderr, '', 'clearing flags, of the node and of a disk')
  })

  t.test('a flag that moves from the node to its disks passes', async (t) => {
    const moved = { evictionRequested: false, disks: { 'n2-a': { evictionRequested: true } } }
    t.strictSame((await patch(cluster, 'nodes', 'n2', { spec: moved })).stderr, '')
    t.strictSame((await calm(cluster, 'n2', 'n2-a')).stderr, '')
  })

  t.test('every arming change fails, and says why', async (t) => {
    fails(t, await evict(cluster, 'n3', 'n3-a'))
    fails(t, await patch(cluster, 'nodes', 'n3', { spec: { evictionRequested: true } }))
    fails(t, await cleanUp(cluster, 'n3', 'n3-a'))
    fails(t, await patch(cluster, 'backingimages', 'n3', { spec: { diskFileSpecMap: null } }))
    fails(t, await patch(cluster, 'nodes', 'n3', { spec: { disks: { 'n3-b': null } } }))
    fails(t, await patch(cluster, 'nodes', 'n3x', { spec: { disks: { new: { path: '/mnt/new' } } } }))
    const remove = ['nodes.longhorn.io', '-n', 'longhorn-system', '--wait=false']
    fails(t, await cluster.kubectl(['delete', ...remove, 'n3']))
    const source = {
      apiVersion: 'longhorn.io/v1beta2',
      kind: 'BackingImageDataSource',
      metadata: { name: 'n3', namespace: 'longhorn-system' },
      spec: { nodeID: 'n3', diskUUID: uuid('n3-a'), diskPath: '/mnt', sourceType: 'download', uuid: 'n3' },
    }
    fails(t, await cluster.kubectl(['create', '-f', '-'], JSON.stringify(source)))
    t.equal((await cluster.kubectl(['delete', ...remove, 'n3y'])).code, 0, 'but not of a node without disks')
  })

  t.test(
    'Longhorn’s uninstaller deletes objects that it has marked; other arming changes to them fail',
    async (t) => {
      await world.node('n4', [disk('n4-a'), disk('n4-b')])
      await world.image('n4', [ready('n4-a')])
      const mark = (what: string) => ({
        metadata: { annotations: { [`longhorn.io/delete-${what}-from-longhorn`]: '' } },
      })
      t.equal((await patch(cluster, 'nodes', 'n4', mark('node'))).code, 0)
      t.equal((await patch(cluster, 'backingimages', 'n4', mark('x'))).code, 0)
      fails(t, await evict(cluster, 'n4', 'n4-a'))
      fails(t, await patch(cluster, 'nodes', 'n4', { spec: { disks: { 'n4-b': null } } }))
      fails(t, await cleanUp(cluster, 'n4', 'n4-a'))
      const finalizers = { metadata: { finalizers: ['longhorn.io'], labels: { rack: '7' } } }
      t.equal((await patch(cluster, 'nodes', 'n4', finalizers)).code, 0)
      t.equal((await patch(cluster, 'nodes', 'n4', { metadata: { finalizers: null } })).code, 0)
      const remove = ['delete', 'nodes.longhorn.io', '-n', 'longhorn-system', 'n4']
      t.strictSame((await cluster.kubectl(remove)).stderr, '')
    },
  )

  t.test('an object that is being deleted passes', async (t) => {
    const path = `${longhornPath('backingimages')}/n4`
    await ask(cluster, 'PATCH', path, { metadata: { finalizers: ['longhorn.io'] } })
    await ask(cluster, 'DELETE', path)
    t.strictSame((await cleanUp(cluster, 'n4', 'n4-a')).stderr, '')
    await ask(cluster, 'PATCH', path, { metadata: { finalizers: null } })
  })

  t.test('the backstop still denies the crashing orders with failurePolicy Ignore', async (t) => {
    await cluster.install(...everything, 'webhook.failurePolicy=Ignore')
    await world.node('n5', [disk('n5-a'), disk('n5-b')])
    await world.image('n5', [pending('n5-a')])
    const refused = /ValidatingAdmissionPolicy '[^']*' with binding '[^']*' denied request/
    // The registration, the policies and their parameters take effect a moment after they are written, in any order.
    const untilRefused = (ask: () => Promise<Ended>) => askUntil(ask, ({ stderr }) => refused.test(stderr))
    const dry = await untilRefused(() => evict(cluster, 'n5', 'n5-b', '--dry-run=server'))
    t.match(dry.stderr, refused)
    const annotations = { 'longhorn.io/delete-node-from-longhorn': '' }
    t.equal((await patch(cluster, 'nodes', 'n5', { metadata: { annotations } })).code, 0)
    const eviction = await evict(cluster, 'n5', 'n5-b')
    t.equal(eviction.code, 1, 'the mark of the uninstaller excuses no eviction')
    t.match(eviction.stderr, refused)

    const cleaned = await untilRefused(() => cleanUp(cluster, 'n6', 'n6-a', '--dry-run=server'))
    t.match(cleaned.stderr, refused)
    t.strictSame((await calm(cluster, 'n6', 'n6-b')).stderr, '', 'clearing a flag passes')
    t.equal((await cleanUp(cluster, 'n6', 'n6-a')).code, 0, 'and then the clean-up')
    await world.node('n7', [disk('n7-a')])
    t.equal((await evict(cluster, 'n7', 'n7-a')).code, 0, 'nothing is pending there: it passes unjudged')
    await cluster.install()
    await cluster.must(['delete', 'validatingadmissionpolicies,validatingadmissionpolicybindings', '--all'])
  })

  t.test('break glass: without the registration everything passes', async (t) => {
    await world.node('n8', [disk('n8-a'), disk('n8-b')])
    await world.image('n8', [pending('n8-a')])
    // The installation before has put failurePolicy Fail back.
    const asked = () => evict(cluster, 'n8', 'n8-b', '--dry-run=server')
    fails(t, await askUntil(asked, ({ stderr }) => stderr.includes('failed calling webhook')))
    await cluster.must(['delete', 'validatingwebhookconfigurations.admissionregistration.k8s.io', 'holdfast'])
    const eviction = await askUntil(
      () => evict(cluster, 'n8', 'n8-b'),
      ({ code }) => code === 0,
    )
    t.equal(eviction.code, 0, eviction.stderr)
  })
  t.end()
}

function added(diskName: string): object {
  return { spec: { diskFileSpecMap: { [uuid(diskName)]: { evictionRequested: false } } } }
}
