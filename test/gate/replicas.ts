import type { Test } from 'tap'
import { InProcessBook } from '../../src/gate/reservation-book.ts'
import type { Verdict } from '../../src/gate/verdict.ts'
import type { Change } from '../../src/rules/change.ts'
import { cluster, type TestCluster } from '../fixtures/cluster.ts'
import { disk, ready } from '../fixtures/raw-objects.ts'
import { GateWorld, type GateWorldOptions } from './gate-world.ts'

/** A disk that is being evicted, as Longhorn wants it. */
export const emptied = { evictionRequested: true, allowScheduling: false }

/** n1 with two disks and a copy on each of two images, so that each can lose one; a third has no copy yet. */
export function usual(release = 'v1.8.0'): TestCluster {
  return cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3'), disk('d4')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d4')])
    .image('debian', [ready('d2'), ready('d3'), ready('d4')])
    .image('fedora', [])
}

/** The eviction of the first disk of n1. */
export function evictD1(of: TestCluster): Change {
  return of.toNode('n1', [disk('d1', emptied), disk('d2')])
}

/** Two replicas of the guard with one book, on the same state of the cluster. */
export function two(release?: string, options: GateWorldOptions = {}): [GateWorld, GateWorld] {
  const book = new InProcessBook()
  return [
    new GateWorld(usual(release), { ...options, book }),
    new GateWorld(usual(release), { ...options, book, replica: 'two' }),
  ]
}

/** Has a change decided, and insists on the decision. */
export async function is(t: Test, decision: string, world: GateWorld, change: Change): Promise<Verdict> {
  const { verdict } = await world.decide(change)
  t.equal(verdict.decision, decision)
  return verdict
}
