import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { DiskMapView } from '../../src/disk-map/disk-map-view.ts'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import type { Kind, LonghornObject } from '../../src/longhorn/kinds.ts'
import { parsed } from '../fixtures/cluster.ts'
import { workOf } from '../fixtures/work.ts'
import { NaiveDiskMap } from './naive-disk-map.ts'

// Few of each, so that they meet; `constructor` is a UUID like any other.
const nodeNames = ['n1', 'n2', 'n3']
const diskNames = ['d1', 'd2', 'd3']
const imageNames = ['a', 'b', 'c']
const uuids = ['u1', 'u2', 'u3', 'u4', 'constructor']
const settings = [
  ['current-longhorn-version', 'v1.8.0'],
  ['current-longhorn-version', 'v1.8.1'],
  ['concurrent-backing-image-replenish-per-node-limit', '5'],
  ['concurrent-backing-image-replenish-per-node-limit', 'many'],
] as const

const uuid = fc.constantFrom(...uuids)
const uuidOrNone = fc.constantFrom(...uuids, '')
const diskName = fc.constantFrom(...diskNames)
const imageName = fc.constantFrom(...imageNames)

/** For a node that works or is down, or a disk that works or is broken. */
const conditions = fc.constantFrom(
  [],
  [],
  [],
  [{ type: 'Ready', status: 'False', reason: 'ManagerPodDown', message: '', lastTransitionTime: '' }],
)

const raws: Readonly<Record<Kind, fc.Arbitrary<{ readonly name: string }>>> = {
  Node: fc.record({
    name: fc.constantFrom(...nodeNames),
    spec: fc.record({ disks: fc.dictionary(diskName, fc.constant({}), { maxKeys: 3 }) }),
    status: fc.record({
      conditions,
      diskStatus: fc.dictionary(diskName, fc.record({ conditions, diskUUID: uuidOrNone }), { maxKeys: 3 }),
    }),
  }),
  BackingImage: fc.record({
    name: imageName,
    spec: fc.record({ diskFileSpecMap: fc.dictionary(uuid, fc.constant({}), { maxKeys: 3 }) }),
    status: fc.record({
      diskFileStatusMap: fc.dictionary(uuid, fc.record({ state: fc.constantFrom('ready', 'unknown') }), {
        maxKeys: 3,
      }),
    }),
  }),
  BackingImageDataSource: fc.record({
    name: imageName,
    spec: fc.record({ diskUUID: uuidOrNone, fileTransferred: fc.boolean() }),
  }),
  BackingImageManager: fc.record({
    name: fc.constantFrom('m1', 'm2', 'm3'),
    spec: fc.record({ diskUUID: uuid }),
    status: fc.record({ currentState: fc.constantFrom('running', 'unknown') }),
  }),
  Replica: fc.record({
    name: fc.constantFrom('r1', 'r2', 'r3'),
    spec: fc.record({ backingImage: imageName, diskID: uuid }),
  }),
  Setting: fc.constantFrom(...settings).map(([name, value]) => ({ name, value })),
}

/** An event of the watch. */
interface Step {
  readonly kind: Kind
  readonly name: string
  readonly raw?: object
}

const kind = fc.constantFrom<Kind>(
  ...(['Node', 'Node', 'BackingImage', 'BackingImage', 'BackingImage'] as const),
  ...(['BackingImageDataSource', 'BackingImageManager', 'Replica', 'Setting'] as const),
)
const step: fc.Arbitrary<Step> = fc
  .tuple(kind, fc.integer({ min: 1, max: 4 }))
  .chain(([kind, dice]) =>
    raws[kind].map(({ name, ...raw }) => (dice === 1 ? { kind, name } : { kind, name, raw })),
  )

/** Objects by name and version, in no order: views promise none. */
function factsOf(objects: Iterable<LonghornObject>): string[] {
  return [...objects].map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).sort()
}

function unordered(values: Iterable<object>): string[] {
  return [...values].map((value) => JSON.stringify(value, Object.keys(value).sort())).sort()
}

/** Every answer that there is. */
function answers(view: DiskMapView) {
  const each = <T>(keys: readonly string[], ask: (key: string) => T) => keys.map((key) => [key, ask(key)])
  const maybe = (object: LonghornObject | undefined) => factsOf(object ? [object] : [])
  return {
    release: view.release,
    replenishLimit: view.replenishLimit,
    imageCount: view.imageCount,
    pendingImageCount: view.pendingImageCount,
    nodes: factsOf(view.nodes()),
    images: factsOf(view.images()),
    dataSources: factsOf(view.dataSources()),
    nodesWithUnsyncedDisks: factsOf(view.nodesWithUnsyncedDisks()),
    pendingOnUnownedDisks: unordered(view.pendingOnUnownedDisks()),
    node: each(nodeNames, (name) => maybe(view.node(name))),
    pendingOnNode: each(nodeNames, (name) => unordered(view.pendingOnNode(name))),
    image: each(imageNames, (name) => maybe(view.image(name))),
    dataSource: each(imageNames, (name) => maybe(view.dataSource(name))),
    copiesOf: each(imageNames, (name) => unordered(view.copiesOf(name))),
    ownersOf: each(uuids, (uuid) => unordered(view.ownersOf(uuid))),
    isAtWork: each(uuids, (uuid) => view.isAtWork(uuid)),
    imagesOn: each(uuids, (uuid) => factsOf(view.imagesOn(uuid))),
    pendingCleanups: unordered(view.pendingCleanups()),
    pendingOf: each(imageNames, (name) => unordered(view.pendingOf(name))),
    pendingOn: each(uuids, (uuid) => unordered(view.pendingOn(uuid))),
    unfinishedFirstFilesOn: each(uuids, (uuid) => factsOf(view.unfinishedFirstFilesOn(uuid))),
    managerState: each(uuids, (uuid) => view.managerState(uuid)),
    replicasUsing: each(imageNames, (name) =>
      each(uuids, (uuid) => [...view.replicasUsing(name, uuid)].sort()),
    ),
    replicasOn: each(uuids, (uuid) => [...view.replicasOn(uuid)].sort()),
  }
}

t.test('every answer follows from the last version of the objects', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const map = new DiskMap()
      const naive = new NaiveDiskMap()
      steps.forEach(({ kind, name, raw }, at) => {
        if (raw) {
          const object = parsed(kind, { metadata: { name, resourceVersion: String(at) }, ...raw })
          map.apply(object, at)
          naive.apply(object, at)
        } else {
          map.remove(kind, name, at)
          naive.remove(kind, name)
        }
        assert.deepEqual(answers(map), answers(naive), `after step ${at}`)
      })
    }),
    { numRuns: 200 },
  )
  t.end()
})

/** All objects of a cluster with this many nodes of ten disks, and two images of 20 copies for each node. */
function clusterOf(nodes: number): LonghornObject[] {
  const uuidOf = (disk: number) => `uuid-${disk % (nodes * 10)}`
  const count = (length: number) => Array.from({ length }, (_, index) => index)
  return [
    ...count(nodes).map((node) => {
      const disks = count(10).map((disk) => [`disk-${disk}`, { diskUUID: uuidOf(node * 10 + disk) }] as const)
      const spec = { disks: Object.fromEntries(disks.map(([disk]) => [disk, {}])) }
      const status = { diskStatus: Object.fromEntries(disks) }
      return parsed('Node', { metadata: { name: `node-${node}` }, spec, status })
    }),
    ...count(nodes * 2).map((image) => bigImage(image, nodes, 'ready')),
    ...count(nodes * 2).map((image) => {
      const spec = { diskUUID: uuidOf(image * 7) }
      return parsed('BackingImageDataSource', { metadata: { name: `image-${image}` }, spec })
    }),
    ...count(nodes * 10).map((disk) => {
      const spec = { backingImage: `image-${disk % (nodes * 2)}`, diskID: uuidOf(disk) }
      return parsed('Replica', { metadata: { name: `replica-${disk}` }, spec })
    }),
  ]
}

/** An image with 20 copies, one of them pending clean-up, spread over the whole cluster. */
function bigImage(image: number, nodes: number, state: string) {
  const uuids = Array.from({ length: 20 }, (_, copy) => `uuid-${(image * 7 + copy * 13) % (nodes * 10)}`)
  return parsed('BackingImage', {
    metadata: { name: `image-${image}` },
    spec: { diskFileSpecMap: Object.fromEntries(uuids.slice(1).map((uuid) => [uuid, {}])) },
    status: { diskFileStatusMap: Object.fromEntries(uuids.map((uuid) => [uuid, { state }])) },
  })
}

function mapOf(objects: readonly LonghornObject[]): DiskMap {
  const map = new DiskMap()
  for (const object of objects) map.apply(object, 0)
  return map
}

/** The questions of rules, each about an object of the cluster. */
const questions: Readonly<Record<string, (map: DiskMapView, at: At) => unknown>> = {
  'who owns a disk': (map, { uuid }) => map.ownersOf(uuid),
  'whether a disk works': (map, { uuid }) => map.isAtWork(uuid),
  'the copies of an image': (map, { image }) => map.copiesOf(image),
  'the images on a disk': (map, { uuid }) => [...map.imagesOn(uuid)],
  'what is pending of an image': (map, { image }) => [...map.pendingOf(image)],
  'what is pending on a disk': (map, { uuid }) => [...map.pendingOn(uuid)],
  'what is pending on a node': (map, { node }) => [...map.pendingOnNode(node)],
  'the first files on a disk': (map, { uuid }) => [...map.unfinishedFirstFilesOn(uuid)],
  'the replicas on a copy': (map, { image, uuid }) => [...map.replicasUsing(image, uuid)],
  'the replicas on a disk': (map, { uuid }) => [...map.replicasOn(uuid)],
  'what nobody owns': (map) => [...map.pendingOnUnownedDisks(), ...map.nodesWithUnsyncedDisks()],
  'the objects of a name': (map, { node, image }) => [
    map.node(node),
    map.image(image),
    map.dataSource(image),
  ],
  'the numbers of a cluster': (map) => map.imageCount + map.pendingImageCount,
}

interface At {
  readonly uuid: string
  readonly image: string
  readonly node: string
}

/** Places all over a cluster with this many nodes. */
function places(nodes: number): At[] {
  return Array.from({ length: 1000 }, (_, index) => ({
    uuid: `uuid-${(index * 7919) % (nodes * 10)}`,
    image: `image-${(index * 7919) % (nodes * 2)}`,
    node: `node-${(index * 7919) % nodes}`,
  }))
}

t.test('at the design point an answer and an update cost the same as in a small cluster', (t) => {
  // A hundred times the small cluster, so work that grows with the cluster would be a hundred times as much.
  const sizes = { large: 500, small: 5 }
  const large = clusterOf(sizes.large)
  const small = clusterOf(sizes.small)
  const maps = { large: mapOf(large), small: mapOf(small) }

  const perObject = (objects: ReturnType<typeof clusterOf>) => workOf(() => mapOf(objects)) / objects.length
  const [building, buildingSmall] = [perObject(large), perObject(small)]
  t.ok(
    building < 2 * buildingSmall,
    `${building} steps to take over an object, ${buildingSmall} in the small cluster`,
  )

  const at = { large: places(sizes.large), small: places(sizes.small) }
  for (const [question, ask] of Object.entries(questions)) {
    const asking = (size: 'large' | 'small') =>
      workOf(() => {
        for (const place of at[size]) ask(maps[size], place)
      })
    const [asked, askedSmall] = [asking('large'), asking('small')]
    t.ok(
      asked < 3 * askedSmall,
      `${question}: ${asked} steps for 1,000 answers, in the small cluster ${askedSmall}`,
    )
  }

  const update = (size: 'large' | 'small') => {
    const versions = ['unknown', 'ready'].map((state) => bigImage(1, sizes[size], state))
    return workOf(() => {
      for (let times = 0; times < 100; times++) for (const image of versions) maps[size].apply(image, 1)
    })
  }
  update('small')
  const [updating, updatingSmall] = [update('large'), update('small')]
  t.ok(updating < 3 * updatingSmall, `200 updates: ${updating} steps, in the small cluster ${updatingSmall}`)
  t.end()
})
