import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

/** A disk or node that is evicted. */
export const evicting = { evictionRequested: true }

/** A clean-up is pending on d1 of n1, and another image has a copy on d2. */
export const usual = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [pending('d1'), ready('d3'), ready('d4')])
    .image('debian', [ready('d2'), ready('d3'), ready('d4')])

/** The eviction of d2 of n1, which waits for the clean-up on d1. */
export const evictD2 = (of: TestCluster, by = {}) =>
  of.toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by)
/** The clean-up of the copy on d2. */
export const cleanUpDebian = (of: TestCluster, by = {}) => of.cleanUp('debian', ['d2'], by)

/** A world whose map is enough for evictions. */
export function worldOf(of: TestCluster, options: GateWorldOptions = {}): GateWorld {
  const world = new GateWorld(of, options)
  world.markedSince = -Infinity
  return world
}

/** The clean-up of ubuntu ends. */
export function endCleanUp(world: GateWorld): void {
  world.cluster.image('ubuntu', [ready('d3'), ready('d4')])
  world.emit('BackingImage', 'ubuntu')
}

/** A world in which an eviction waits for a clean-up and has reserved, and its decision. */
export async function waiting(options: GateWorldOptions = {}) {
  const world = worldOf(usual(), options)
  const client = new AbortController()
  const decision = world.decide(evictD2(world.cluster), 10_000, client.signal)
  await eventually(() => world.reservations.length === 1)
  return { world, client, decision }
}
