import t from 'tap'
import { observe } from '../../../src/commands/status/observe.ts'
import { someInDanger, somethingIsWrong } from '../../../src/commands/status/status.ts'
import { cluster, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { copy, disk, pending, ready, uuid } from '../../fixtures/raw-objects.ts'
import { quietReplica } from './look.ts'

function look({ map }: TestCluster, only: readonly string[] = []) {
  const times = { now: noon, timeOfDay: noon, watchingSince: undefined }
  return observe({ map, entries: [], guard: undefined, ...times, only: new Set(only) })
}

t.test('a node is down while no manager works on it, unless worse is true', (t) => {
  const down = { notReady: { reason: 'ManagerPodMissing' } }
  const state = (of: TestCluster) => look(of).nodes[0]?.state
  const rest = cluster(releases.A).node('n', [disk('d1')], down)
  t.equal(state(rest), 'down')
  t.equal(state(rest.image('i', [pending('d1'), ready('d2')])), 'cleaning up')
  t.equal(somethingIsWrong(look(cluster(releases.A).node('n', [disk('d1')], down))), false)
  t.end()
})

t.test('a disk counts as lost after the longest time of any replica, or after the default', (t) => {
  const since = new Date(noon - 3_600_000).toISOString()
  const { map } = cluster(releases.C)
    .node('n1', [disk('d1')], { notReady: { reason: 'ManagerPodMissing', since } })
    .image('base', [copy('d1', 'unknown')])
  const after = (guard: readonly (number | undefined)[] | undefined) => {
    const replicas = guard?.map((hours, at) => ({
      ...quietReplica,
      replica: `r${at}`,
      ...(hours !== undefined && { lostAfterMs: hours * 3_600_000 }),
    }))
    const times = { now: noon, timeOfDay: noon, watchingSince: undefined }
    const status = observe({ map, entries: [], guard: replicas, ...times, only: new Set() })
    return [status.lostAfter.ms / 60_000, status.lostAfter.from, status.imagesNowhere.length]
  }
  t.strictSame(after([0.5, 0.25]), [30, 'guard', 1])
  t.strictSame(after([0.5, 2]), [120, 'guard', 0])
  t.strictSame(after([0.5, undefined]), [10, 'default', 1])
  t.strictSame(after([]), [10, 'default', 1])
  t.strictSame(after(undefined), [10, 'default', 1])
  t.end()
})

t.test('images that are nowhere and disks with one UUID are shown, whichever nodes are', (t) => {
  const status = look(
    cluster(releases.C)
      .node('n2', [disk('d1'), disk('d2')])
      .node('n1', [disk('d1')])
      .node('n3', [disk('d3')], { notReady: { reason: 'KubernetesNodeGone' } })
      .image('base', [copy('d9', 'unknown'), copy('d3', 'unknown')], { sourceType: 'upload' })
      .image('well', [ready('d2')]),
    ['n2'],
  )
  t.strictSame(status.imagesNowhere, [
    {
      image: 'base',
      sourceType: 'upload',
      copies: [
        { diskUUID: uuid('d9'), node: null, disk: null, state: 'unknown', why: null },
        {
          diskUUID: uuid('d3'),
          node: 'n3',
          disk: 'd3',
          state: 'unknown',
          why: 'Kubernetes has no node n3 any more (KubernetesNodeGone)',
        },
      ],
    },
  ])
  t.strictSame(status.sharedDisks, [
    {
      diskUUID: uuid('d1'),
      owners: [
        { node: 'n1', disk: 'd1' },
        { node: 'n2', disk: 'd1' },
      ],
    },
  ])
  t.equal(somethingIsWrong(status), true)
  t.equal(someInDanger(status), false)
  t.end()
})
