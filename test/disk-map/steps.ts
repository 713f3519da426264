import fc from 'fast-check'
import type { DiskMapView } from '../../src/disk-map/disk-map-view.ts'
import type { Kind, LonghornObject } from '../../src/longhorn/kinds.ts'

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
export interface Step {
  readonly kind: Kind
  readonly name: string
  readonly raw?: object
}

const kind = fc.constantFrom<Kind>(
  ...(['Node', 'Node', 'BackingImage', 'BackingImage', 'BackingImage'] as const),
  ...(['BackingImageDataSource', 'BackingImageManager', 'Replica', 'Setting'] as const),
)
/** An event of a watch, of a few objects that often meet. */
export const step: fc.Arbitrary<Step> = fc
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
export function answers(view: DiskMapView) {
  const each = <T>(keys: readonly string[], ask: (key: string) => T) => keys.map((key) => [key, ask(key)])
  const maybe = (object: LonghornObject | undefined) => factsOf(object ? [object] : [])
  return {
    release: view.release,
    replenishLimit: view.replenishLimit,
    imageCount: view.imageCount,
    pendingImageCount: view.pendingImageCount,
    nodes: factsOf(view.nodes()),
    images: factsOf(view.images()),
    imagesNotAtWork: [...view.imagesNotAtWork()].map(
      ({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`,
    ),
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
