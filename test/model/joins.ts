import { unownedDisks } from '../../src/gate/reservation-book.ts'
import { parsed } from '../fixtures/cluster.ts'
import { disk, rawNode, ready } from '../fixtures/raw-objects.ts'
import { goes } from './happenings.ts'
import { cleanUp, evict, join } from './request.ts'
import { image, node, scenario, type Scenario } from './scenario.ts'
import type { ModelObject, Store } from './store.ts'

const evicting = { evictionRequested: true, allowScheduling: false }

/** A node that is flagged, with a disk that was taken from spec and is still in status. */
function leftBehind(): ModelObject {
  const raw = rawNode('n2', [disk('d3', evicting), disk('d9', evicting)])
  const { d9, ...disks } = raw.spec.disks
  return parsed('Node', { ...raw, spec: { ...raw.spec, disks: d9 ? disks : raw.spec.disks } })
}

/** It is added again while its copy is cleaned up (o7). */
export function knownInStatus(profile: Scenario['profile'], more: Partial<Scenario> = {}): Scenario {
  return scenario(
    `o7: a disk that is known in status joins, and a clean-up on it (${profile})`,
    profile,
    [node('n1', [disk('d1')]), leftBehind(), image('i1', [ready('d9'), ready('d1')])],
    [join('n2', 'd9'), cleanUp('i1', ['d9'])],
    { reviews: 1, ...more },
  )
}

/** A disk of a node that is dead is moved to a flagged node. The dead one still lists it. */
export function movedFromDead(profile: Scenario['profile'], more: Partial<Scenario> = {}): Scenario {
  const dead = { notReady: { reason: 'KubernetesNodeGone' } }
  return scenario(
    `a disk of a dead node joins a flagged node, and a clean-up on it (${profile})`,
    profile,
    [
      node('n1', [disk('d1')]),
      node('n2', [disk('d3', evicting)]),
      node('n3', [disk('d9')], dead),
      image('i1', [ready('d9'), ready('d1')]),
    ],
    [join('n2', 'd9'), cleanUp('i1', ['d9'])],
    { reviews: 1, ...more },
  )
}

/** The same of a node that dies only now. */
export function movedFromDying(profile: Scenario['profile'], more: Partial<Scenario> = {}): Scenario {
  return scenario(
    `a disk of a node that dies joins a flagged node, and a clean-up on it (${profile})`,
    profile,
    [
      node('n1', [disk('d1')]),
      node('n2', [disk('d3', evicting)]),
      node('n3', [disk('d9')]),
      image('i1', [ready('d9'), ready('d1')]),
    ],
    [{ ...join('n2', 'd9'), isDue: isDead }, cleanUp('i1', ['d9'])],
    { reviews: 1, happenings: [goes('n3')], ...more },
  )
}

function isDead(store: Store): boolean {
  return store.find('Node', 'n3')?.status.notReady !== undefined
}

/** A disk whose UUID Longhorn finds out meanwhile, on a node without a flag, and a clean-up of its copy. */
export function foundOut(profile: Scenario['profile'], more: Partial<Scenario> = {}): Scenario {
  return scenario(
    `an eviction of a disk that is only just known, and a clean-up on it (${profile})`,
    profile,
    [
      node('n1', [disk('d1')]),
      node('n2', [disk('d9', { synced: false })]),
      image('i1', [ready('d9'), ready('d1')]),
    ],
    [{ ...evict('n2', 'd9'), isDue: isFoundLate }, cleanUp('i1', ['d9'])],
    { reviews: 1, ...more },
  )
}

/** Longhorn has found out the UUID, and something was reserved before. */
function isFoundLate(store: Store): boolean {
  if (store.find('Node', 'n2')?.status.diskStatus.get('d9')?.diskUUID === undefined) return false
  return [...store.allLeases()].some(([, leases]) => leases.entry(unownedDisks).change > 0)
}

/** All of them. */
export function joins(profile: Scenario['profile'], more: Partial<Scenario>): Scenario[] {
  return [knownInStatus, movedFromDead, movedFromDying, foundOut].map((each) => each(profile, more))
}
