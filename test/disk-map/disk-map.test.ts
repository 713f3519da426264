import t from 'tap'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import type { LonghornObject } from '../../src/longhorn/kinds.ts'
import { cluster, noon, parsed } from '../fixtures/cluster.ts'
import { disk, pending, rawImage, rawNode, rawSource, ready, uuid } from '../fixtures/raw-objects.ts'

const node = (...args: Parameters<typeof rawNode>) => parsed('Node', rawNode(...args))
const image = (...args: Parameters<typeof rawImage>) => parsed('BackingImage', rawImage(...args))
const setting = (name: string, value: string) => parsed('Setting', { metadata: { name }, value })

const names = (objects: Iterable<LonghornObject>) => [...objects].map(({ metadata }) => metadata.name)
const images = (cleanups: Iterable<{ image: string }>) => [...cleanups].map((cleanup) => cleanup.image)

t.test('an empty map answers every question with nothing', (t) => {
  const { map } = cluster()
  t.equal(map.release, undefined)
  t.equal(map.replenishLimit, undefined)
  t.equal(map.imageCount, 0)
  t.equal(map.pendingImageCount, 0)
  t.same([...map.nodes()], [])
  t.same(
    [map.node('n'), map.image('i'), map.dataSource('i'), map.managerState('u')],
    Array(4).fill(undefined),
  )
  t.same(
    [map.ownersOf('u'), map.copiesOf('i'), [...map.imagesOn('u')], [...map.pendingOn('u')]],
    [[], [], [], []],
  )
  t.same([...map.pendingOnNode('n')], [])
  t.same([...map.pendingOnUnownedDisks()], [])
  t.same([...map.nodesWithUnsyncedDisks()], [])
  t.same([...map.unfinishedFirstFilesOn('u')], [])
  t.same([...map.replicasUsing('i', 'u')], [])
  t.end()
})

t.test('a disk belongs to the node that has it in spec and knows its UUID', (t) => {
  const { map } = cluster()
    .node('n1', [disk('d1'), disk('d2', { synced: false })])
    .node('n2', [disk('d3')])
    .node('n3', [disk('d4', { diskUUID: '' })])
  t.same(map.ownersOf(uuid('d1')), [{ node: 'n1', disk: 'd1' }])
  t.same(map.ownersOf(uuid('d2')), [])
  t.same(map.ownersOf(''), [], 'an empty UUID is none')
  t.same(names(map.nodesWithUnsyncedDisks()), ['n1', 'n3'])
  t.same(names(map.nodes()), ['n1', 'n2', 'n3'])
  t.end()
})

t.test('a disk that is only in status belongs to no node', (t) => {
  const raw = rawNode('n', [disk('d')])
  const { map } = cluster().image('i', [pending('d')])
  map.apply(parsed('Node', { ...raw, spec: { ...raw.spec, disks: {} } }), noon)
  t.same(map.ownersOf(uuid('d')), [])
  t.same([...map.pendingOnNode('n')], [])
  t.same(images(map.pendingOnUnownedDisks()), ['i'])
  t.end()
})

t.test('a node whose disks are all synced no longer counts as unsynced', (t) => {
  const c = cluster().node('n', [disk('d', { synced: false })])
  c.node('n', [disk('d')])
  t.same([...c.map.nodesWithUnsyncedDisks()], [])
  c.node('n', [disk('d', { synced: false })])
  t.same(names(c.map.nodesWithUnsyncedDisks()), ['n'])
  c.map.remove('Node', 'n', noon)
  t.same([...c.map.nodesWithUnsyncedDisks()], [])
  t.end()
})

t.test('a disk that moves has two owners for a moment', (t) => {
  const c = cluster()
    .node('n1', [disk('d')])
    .node('n2', [disk('moved', { diskUUID: uuid('d') })])
  c.image('i', [pending('d')])
  t.same(c.map.ownersOf(uuid('d')), [
    { node: 'n1', disk: 'd' },
    { node: 'n2', disk: 'moved' },
  ])
  t.same(images(c.map.pendingOnNode('n1')), ['i'])
  t.same(images(c.map.pendingOnNode('n2')), ['i'])
  c.node('n1', [])
  t.same(c.map.ownersOf(uuid('d')), [{ node: 'n2', disk: 'moved' }])
  t.same(images(c.map.pendingOnNode('n1')), [])
  t.same([...c.map.pendingOnUnownedDisks()], [], 'one owner is left')
  t.end()
})

t.test('two disks of a node with one UUID are both its owners', (t) => {
  // uuid(N,d) is asked for every d in spec (longhorn.md §2): on profile B the one that is evicted counts, whichever it is.
  const twins = ['d1', 'd2'].map((name) => disk(name, { diskUUID: 'same' }))
  const { map } = cluster().node('n', twins)
  map.apply(
    parsed('BackingImage', { metadata: { name: 'i' }, status: { diskFileStatusMap: { same: {} } } }),
    noon,
  )
  t.same(map.ownersOf('same'), [
    { node: 'n', disk: 'd1' },
    { node: 'n', disk: 'd2' },
  ])
  t.same(
    [...map.pendingOnNode('n')].map((cleanup) => cleanup.disk),
    ['d1', 'd2'],
  )
  map.remove('Node', 'n', noon)
  t.same(map.ownersOf('same'), [])
  t.end()
})

t.test('a first file is unfinished until it is transferred', (t) => {
  const c = cluster().source('i', 'd1').source('j', 'd1').source('k', 'd2', true)
  t.same(names(c.map.unfinishedFirstFilesOn(uuid('d1'))), ['i', 'j'])
  t.same(names(c.map.unfinishedFirstFilesOn(uuid('d2'))), [])
  t.equal(c.map.dataSource('k')?.spec.fileTransferred, true)
  c.source('i', 'd1', true).source('j', 'd2')
  t.same(names(c.map.unfinishedFirstFilesOn(uuid('d1'))), [])
  t.same(names(c.map.unfinishedFirstFilesOn(uuid('d2'))), ['j'])
  c.map.remove('BackingImageDataSource', 'j', noon)
  t.same(names(c.map.unfinishedFirstFilesOn(uuid('d2'))), [])
  t.equal(c.map.dataSource('j'), undefined)
  t.end()
})

t.test('a first file without a disk is on none', (t) => {
  const { map } = cluster()
  map.apply(parsed('BackingImageDataSource', rawSource('i', undefined, false)), noon)
  t.same(names(map.unfinishedFirstFilesOn('')), [])
  t.equal(map.dataSource('i')?.spec.diskUUID, undefined)
  t.end()
})

t.test('a replica uses the image on its own disk', (t) => {
  const c = cluster()
    .replica('r1', 'i', 'd1')
    .replica('r2', 'i', 'd1')
    .replica('r3', 'i', 'd2')
    .replica('r4', 'j', 'd1')
  const using = (name: string, on: string) => [...c.map.replicasUsing(name, uuid(on))]
  t.same(using('i', 'd1'), ['r1', 'r2'])
  c.replica('r1', 'i', 'd2')
  c.map.remove('Replica', 'r2', noon)
  t.same(using('i', 'd1'), [])
  t.same(using('i', 'd2'), ['r3', 'r1'])
  t.same(using('j', 'd1'), ['r4'])
  t.end()
})

t.test('the state of a disk is that of its manager', (t) => {
  const c = cluster().manager('d1', 'running').manager('d2', 'unknown')
  t.equal(c.map.managerState(uuid('d1')), 'running')
  c.manager('d1', 'error')
  t.equal(c.map.managerState(uuid('d1')), 'error')
  c.map.remove('BackingImageManager', 'manager-d1', noon)
  t.equal(c.map.managerState(uuid('d1')), undefined)
  t.equal(c.map.managerState(uuid('d2')), 'unknown')
  t.end()
})

t.test('the release is the setting, and unknown without it', (t) => {
  const c = cluster('v1.8.0')
  t.equal(c.map.release, 'v1.8.0')
  c.setting('current-longhorn-version', 'v1.8.1').setting('other', 'x')
  t.equal(c.map.release, 'v1.8.1')
  c.map.remove('Setting', 'current-longhorn-version', noon)
  t.equal(c.map.release, undefined)
  t.end()
})

t.test('the limit of replenishing is a whole number, and unknown if it is not', (t) => {
  const map = new DiskMap()
  for (const [value, limit] of [
    ['5', 5],
    ['0', 0],
    ...['', 'many', '-1', '1.5', '1e3', ' 5', '5\n', '{"v1":"5"}'].map(
      (wrong) => [wrong, undefined] as const,
    ),
  ] as const) {
    map.apply(setting('concurrent-backing-image-replenish-per-node-limit', value), noon)
    t.equal(map.replenishLimit, limit, JSON.stringify(value))
  }
  t.end()
})

t.test('forgetting an unknown object changes nothing', (t) => {
  const { map } = cluster('v1.8.0')
    .node('n', [disk('d')])
    .image('i', [pending('d')])
  for (const kind of ['Node', 'BackingImage', 'BackingImageDataSource'] as const) map.remove(kind, 'x', noon)
  for (const kind of ['BackingImageManager', 'Replica', 'Setting'] as const) map.remove(kind, 'x', noon)
  map.remove('BackingImage', 'n', noon)
  map.remove('Node', 'i', noon)
  t.same(images(map.pendingOnNode('n')), ['i'])
  t.equal(map.imageCount, 1)
  t.equal(map.release, 'v1.8.0')
  t.end()
})

t.test('the order of objects does not matter', (t) => {
  const objects = [
    node('n', [disk('d1'), disk('d2')]),
    image('a', [pending('d1'), ready('d2')]),
    image('b', [pending('d3')]),
    parsed('BackingImageDataSource', rawSource('c', 'd2', false)),
  ]
  const answers = (order: readonly LonghornObject[]) => {
    const map = new DiskMap()
    for (const object of order) map.apply(object, noon)
    return {
      onNode: [...map.pendingOnNode('n')],
      unowned: [...map.pendingOnUnownedDisks()],
      owners: map.ownersOf(uuid('d1')),
      firstFiles: names(map.unfinishedFirstFilesOn(uuid('d2'))),
    }
  }
  const inOrder = answers(objects)
  t.same([images(inOrder.onNode), images(inOrder.unowned)], [['a'], ['b']])
  for (let turn = 0; turn < objects.length; turn++) {
    const turned = [...objects.slice(turn), ...objects.slice(0, turn)]
    t.same(answers(turned), inOrder)
    t.same(answers(turned.toReversed()), inOrder)
  }
  t.end()
})
