import { Registry } from 'prom-client'
import t from 'tap'
import type { DiskMapView } from '../../src/disk-map/disk-map-view.ts'
import type { Profile } from '../../src/longhorn/releases.ts'
import { rescueAnnotation } from '../../src/longhorn/rescue-note.ts'
import { troubleMetrics } from '../../src/observability/trouble-metrics.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, noon } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'

interface Facts {
  readonly profile?: Profile
  readonly synced?: boolean
  readonly unreadable?: readonly { readonly kind: string; readonly name: string; readonly problem: string }[]
}

/** The series that a map has, a minute after all of it was first seen; without those that count what was left out. */
async function seriesOf(map: DiskMapView, facts: Facts = {}): Promise<string[]> {
  const registry = new Registry()
  troubleMetrics(registry, {
    map,
    profile: () => facts.profile ?? 'A',
    policy: defaultPolicy,
    freshness: { synced: facts.synced ?? true, unreadable: facts.unreadable ?? [] },
    denials: { inTheLastHour: () => [] },
    clock: { monotonic: () => noon + 60_000, now: () => noon + 60_000 },
  })
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith('holdfast') && !line.includes('_left_out'))
}

const named = (series: readonly string[], metric: string) =>
  series.filter((line) => line.startsWith(`${metric}{`))

t.test('a clean-up on a flagged node is in danger, with its node, disk and image', async (t) => {
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })])
    .node('n2', [disk('d3')])
    .image('ubuntu', [pending('d1'), ready('d3')])
    .manager('d1', 'running')
  t.strictSame(await seriesOf(map), [
    'holdfast_node_state{node="n1",state="danger"} 1',
    'holdfast_danger{node="n1",disk="d1",image="ubuntu"} 1',
    'holdfast_pending_cleanup_age_seconds{node="n1",disk="d1",disk_uuid="uuid-d1",image="ubuntu",manager="running"} 60',
  ])
})

t.test('a node is in danger only if its manager crashes on this release', async (t) => {
  const { map } = cluster()
    .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })])
    .image('ubuntu', [pending('d1')])
  const dangers = async (profile: Profile) => named(await seriesOf(map, { profile }), 'holdfast_danger')
  t.equal((await dangers('A')).length, 1)
  t.strictSame(await dangers('B'), [], 'the flag is on another disk')
  t.strictSame(await dangers('C'), [])
})

t.test('a cluster in which nothing is wrong has no series', async (t) => {
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')])
  t.strictSame(await seriesOf(map), [])
})

t.test('each node in danger has a series before a second clean-up of any node', async (t) => {
  const flagged = { evictionRequested: true }
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1', flagged)])
    .node('n2', [disk('d2', flagged)])
    .image('a', [pending('d1')])
    .image('b', [pending('d1')])
    .image('c', [pending('d2')])
  const dangers = named(await seriesOf(map), 'holdfast_danger')
  t.match(dangers, [/n1.*"a"/, /n2.*"c"/, /n1.*"b"/])
})

t.test('the age of a clean-up has the state of its manager, and the oldest comes first', async (t) => {
  const world = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .image('old', [pending('d1')])
    .manager('d1', 'unknown')
    .at(noon + 20_000)
    .image('new', [pending('d1')])
    .image('ownerless', [pending('gone')])
  t.strictSame(named(await seriesOf(world.map), 'holdfast_pending_cleanup_age_seconds'), [
    'holdfast_pending_cleanup_age_seconds{node="n1",disk="d1",disk_uuid="uuid-d1",image="old",manager="unknown"} 60',
    'holdfast_pending_cleanup_age_seconds{node="n1",disk="d1",disk_uuid="uuid-d1",image="new",manager="unknown"} 40',
    'holdfast_pending_cleanup_age_seconds{node="",disk="",disk_uuid="uuid-gone",image="ownerless",manager="none"} 40',
  ])
})

t.test('the nodes come in the order of their states, the worst first', async (t) => {
  const { map } = cluster('v1.8.0')
    .node('down', [disk('d1')], { notReady: { reason: 'ManagerPodDown' } })
    .node('cleaning', [disk('d2')])
    .node('flagged', [disk('d3', { evictionRequested: true })])
    .node('danger', [disk('d4', { evictionRequested: true })])
    .image('ubuntu', [pending('d2'), pending('d4')])
  t.strictSame(named(await seriesOf(map), 'holdfast_node_state'), [
    'holdfast_node_state{node="danger",state="danger"} 1',
    'holdfast_node_state{node="flagged",state="flagged"} 1',
    'holdfast_node_state{node="cleaning",state="cleaning up"} 1',
    'holdfast_node_state{node="down",state="down"} 1',
  ])
})

t.test('an older clean-up comes first, also after a later change of its image', async (t) => {
  const world = cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .image('old', [pending('d1')])
    .at(noon + 20_000)
    .image('new', [pending('d1')])
    .image('old', [pending('d1'), ready('d2')])
  const ages = named(await seriesOf(world.map), 'holdfast_pending_cleanup_age_seconds')
  t.match(ages, [/image="old".* 60$/, /image="new".* 40$/])
})

t.test('an object that cannot be read is named', async (t) => {
  const unreadable = [{ kind: 'Node', name: 'n1', problem: 'spec is missing' }]
  t.strictSame(await seriesOf(cluster().map, { unreadable }), [
    'holdfast_unreadable_object{kind="Node",name="n1"} 1',
  ])
})

t.test('an image that is on no disk is named, once every node has been read', async (t) => {
  const { map } = cluster('v1.10.0').image('lost', [ready('gone')])
  t.strictSame(await seriesOf(map), ['holdfast_image_nowhere{image="lost"} 1'])
  t.strictSame(await seriesOf(map, { synced: false }), [])
})

t.test('a node with the note of a rescue is named, with the one that raises the flags again', async (t) => {
  const noted = (note: string) => ({ metadata: { annotations: { [rescueAnnotation]: note } } })
  const note = { node: false, disks: ['d1'], at: '', by: 'ann' }
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1')], noted(JSON.stringify(note)))
    .node('n2', [disk('d2')], noted(JSON.stringify({ ...note, guard: { generation: 1 } })))
    .node('n3', [disk('d3')], noted('what?'))
    .node('n4', [disk('d4')])
  t.strictSame(await seriesOf(map), [
    'holdfast_noted_flags{node="n1",raised_by="person"} 1',
    'holdfast_noted_flags{node="n2",raised_by="guard"} 1',
    'holdfast_noted_flags{node="n3",raised_by="person"} 1',
  ])
})

t.test('a thousand clean-ups are a hundred series', async (t) => {
  const world = cluster('v1.8.0').node('n1', [disk('d1')])
  for (let image = 0; image < 1_000; image += 1) world.image(`image-${image}`, [pending('d1')])
  const series = await seriesOf(world.map)
  t.equal(named(series, 'holdfast_pending_cleanup_age_seconds').length, 100)
})
