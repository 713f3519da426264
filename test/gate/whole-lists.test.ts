import t from 'tap'
import { ChangeBus, objectChange } from '../../src/gate/change-bus.ts'
import { WholeLists } from '../../src/gate/whole-lists.ts'
import { DiskMap } from '../../src/disk-map/disk-map.ts'
import { cluster } from '../fixtures/cluster.ts'
import { copy, disk, ready } from '../fixtures/raw-objects.ts'
import { workOfAll } from '../fixtures/work.ts'
import { GateWorld } from './gate-world.ts'

t.test('requests that share whole lists share the map of them, until the disk map changes', (t) => {
  const changes = new ChangeBus()
  const whole = new WholeLists(changes)
  const [images, sources] = [[], []]
  const make = () => new DiskMap()
  const map = whole.mapOf({ images, sources }, make)
  t.equal(whole.mapOf({ images, sources }, make), map)
  t.not(whole.mapOf({ images, sources: [] }, make), map, 'data sources of another read')
  t.not(whole.mapOf({ images: [], sources }, make), map, 'images of another read')
  const again = whole.mapOf({ images, sources }, make)
  changes.emit('entry/n1')
  t.equal(whole.mapOf({ images, sources }, make), again, 'a reservation changes no object')
  changes.emit(objectChange('Node', 'n1'))
  t.not(whole.mapOf({ images, sources }, make), again)
  t.end()
})

t.test('evictions that share whole lists cost little more than one of them', async (t) => {
  const names = Array.from({ length: 20 }, (_, at) => `n${at}`)
  const work = async (evicted: readonly string[]): Promise<number> => {
    const of = cluster('v1.8.0').node('other', [disk('d')])
    for (const name of names) of.node(name, [disk(`of-${name}`)])
    for (let image = 0; image < 200; image += 1) of.image(`i${image}`, [ready('d')])
    const world = new GateWorld(of)
    world.shared = { images: of.all('BackingImage'), sources: of.all('BackingImageDataSource') }
    const flagged = { evictionRequested: true, allowScheduling: false }
    const changes = evicted.map((name) => of.toNode(name, [disk(`of-${name}`)], flagged))
    const steps = await workOfAll(async () => {
      for (const { verdict } of await Promise.all(changes.map((change) => world.decide(change))))
        t.equal(verdict.decision, 'allow')
    })
    t.ok(world.trips.includes('images'), 'whole lists were read')
    await world.gate.stop()
    return steps
  }
  const one = await work(names.slice(0, 1))
  const all = await work(names)
  t.ok(all < 4 * one, `${all} steps for ${names.length}, ${one} for one`)
})

t.test('an eviction that has read a node too is judged on that node, and no other eviction is', async (t) => {
  const evicting = { evictionRequested: true, allowScheduling: false }
  const usual = () =>
    cluster('v1.8.0')
      .node('n1', [disk('d1')])
      .node('n2', [disk('d2')])
      .node('n3', [disk('d3')])
      .image('fedora', [copy('d1', 'in-progress'), ready('d2')])
  // The map has not heard that d2 is gone, on which the eviction of n1 counts.
  const of = usual()
  const world = new GateWorld(of, { truth: usual().node('n2', []) })
  world.shared = { images: of.all('BackingImage'), sources: of.all('BackingImageDataSource') }
  const [other, counting] = await Promise.all([
    world.decide(of.toNode('n3', [disk('d3')], evicting)),
    world.decide(of.toNode('n1', [disk('d1')], evicting)),
  ])
  t.ok(world.trips.includes('node n2'))
  t.equal(other.verdict.decision, 'allow')
  t.match(counting.verdict, { decision: 'hold', objections: [{ rule: 'evict-unready-copy' }] })
  await world.gate.stop()
})
