import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { DiskMapView } from '../../src/disk-map/disk-map-view.ts'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import type { LonghornObject } from '../../src/longhorn/kinds.ts'
import { parsed } from '../fixtures/cluster.ts'
import { workOf } from '../fixtures/work.ts'
import { NaiveDiskMap } from './naive-disk-map.ts'
import { answers, step } from './steps.ts'

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
  'the images that work nowhere': (map) => [...map.imagesNotAtWork()],
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
  const above = (size: 'large' | 'small') => {
    const nodes = (size === 'large' ? large : small).filter(({ kind }) => kind === 'Node').slice(0, 3)
    return workOf(() => {
      for (let times = 0; times < 100; times++) {
        const fresh = maps[size].nodesAlone()
        for (const node of nodes) fresh.apply(node, 1)
      }
    })
  }
  above('small')
  const [laid, laidSmall] = [above('large'), above('small')]
  t.ok(laid < 3 * laidSmall, `${laid} steps for 100 maps on top, in the small cluster ${laidSmall}`)
  update('small')
  const [updating, updatingSmall] = [update('large'), update('small')]
  t.ok(updating < 3 * updatingSmall, `200 updates: ${updating} steps, in the small cluster ${updatingSmall}`)
  t.end()
})
