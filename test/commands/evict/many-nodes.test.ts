import t from 'tap'
import { FittingDisks } from '../../../src/commands/evict/fitting-disks.ts'
import { judgeTogether, planEvictions } from '../../../src/commands/evict/plan.ts'
import { PlannedImage } from '../../../src/commands/evict/planned-image.ts'
import type { DiskMapView } from '../../../src/disk-map/disk-map-view.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'

const copies = 5
const names = Array.from({ length: 100 }, (_, node) => `n${node}`)
const asked = names.slice(0, 50)
const world = cluster('v1.8.0')
for (const node of names.keys()) world.node(`n${node}`, [disk(`d${node}`)])
// Each image has its copies on nodes far apart.
for (const at of names.keys()) {
  const homes = Array.from({ length: copies }, (_, copy) => (at + copy * 20) % names.length)
  world.image(
    `i${at}`,
    homes.map((node) => ready(`d${node}`)),
  )
}

/** A map that counts how often its nodes are walked through. */
function counting(map: DiskMapView): { map: DiskMapView; walks: () => number } {
  let walks = 0
  const counted = new Proxy(map, {
    get(target, name) {
      if (name === 'nodes') walks += 1
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { map: counted, walks: () => walks }
}

/** A set that counts how often it is asked, each step through it included. */
class CountingSet extends Set<string> {
  asked = 0

  override has(name: string): boolean {
    this.asked += 1
    return super.has(name)
  }

  override *[Symbol.iterator](): SetIterator<string> {
    for (const name of super.values()) {
      this.asked += 1
      yield name
    }
  }
}

t.test('disks that fit are looked for once for all images that ask for the same', (t) => {
  const { map, walks } = counting(world.map)
  planEvictions(asked, map, { reopen: false, batchSize: Infinity })
  t.equal(walks(), 1)
  const judge = judgeTogether(asked, map)
  for (const name of asked) judge([name])
  t.equal(walks(), 2)
  t.end()
})

t.test('a node that joins a batch concerns the images that it has, and no others', (t) => {
  const calls = t.capture(PlannedImage.prototype, 'whyNot', Reflect.get(PlannedImage.prototype, 'whyNot'))
  const plan = planEvictions(asked, world.map, { reopen: false, batchSize: Infinity })
  t.equal(plan.possible && plan.batches.length, 1)
  // Once to find the order, and once to find the batch.
  t.equal(calls().length, 2 * asked.length * copies)
  t.end()
})

t.test('an image is judged by its copies, however many nodes there are', (t) => {
  for (const reopen of [false, true]) {
    const planning = { map: world.map, planned: new Set(names), reopen, fitting: new FittingDisks(world.map) }
    const image = new PlannedImage('i0', planning)
    const [batch, evicted] = [new CountingSet(['n0', 'n1']), new CountingSet(names.slice(2))]
    image.whyNot(batch, evicted)
    t.ok(batch.asked + evicted.asked <= 8 * copies, `${reopen}: ${batch.asked + evicted.asked}`)
  }
  t.end()
})
