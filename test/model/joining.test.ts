import t from 'tap'
import { unownedDisks, type Page } from '../../src/gate/reservation-book.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { parsed } from '../fixtures/cluster.ts'
import { depth } from '../fixtures/thorough.ts'
import { disk, rawNode, ready } from '../fixtures/raw-objects.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import type { Sabotage } from './sabotage.ts'
import { report } from './report.ts'
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

function joining(profile: Scenario['profile'], sabotage: Sabotage = {}): Scenario {
  return scenario(
    `o7: a disk that is known in status joins, and a clean-up on it (${profile})`,
    profile,
    [node('n1', [disk('d1')]), leftBehind(), image('i1', [ready('d9'), ready('d1')])],
    [join('n2', 'd9'), cleanUp('i1', ['d9'])],
    { reviews: 1, sabotage },
  )
}

/** A disk of a node that is dead is moved to a flagged node. The dead one still lists it. */
function movedFromDead(profile: Scenario['profile']): Scenario {
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
    { reviews: 1 },
  )
}

/** A disk whose UUID Longhorn finds out meanwhile, on a node without a flag; and what is on it is cleaned up. */
function foundOut(profile: Scenario['profile'], sabotage: Sabotage = {}): Scenario {
  return scenario(
    `an eviction of a disk that is only just known, and a clean-up on it (${profile})`,
    profile,
    [
      node('n1', [disk('d1')]),
      node('n2', [disk('d9', { synced: false })]),
      image('i1', [ready('d9'), ready('d1')]),
    ],
    [{ ...evict('n2', 'd9'), isDue: isFoundLate }, cleanUp('i1', ['d9'])],
    { reviews: 1, sabotage },
  )
}

/** Longhorn has found out the UUID, and something was reserved before. */
function isFoundLate(store: Store): boolean {
  if (store.find('Node', 'n2')?.status.diskStatus.get('d9')?.diskUUID === undefined) return false
  return [...store.allLeases()].some(([, leases]) => leases.page(unownedDisks).change > 0)
}

/** Some of what stands on the page for disks that no node has is not seen. */
function hidden(isHidden: (reservation: Reservation) => boolean): Sabotage {
  const lied = (page: Page): Page => ({
    ...page,
    reservations: page.reservations.filter((each) => !isHidden(each)),
  })
  return {
    book: (book) => ({
      ...book,
      seen: (key) => {
        const page = book.seen(key)
        return page && key === unownedDisks ? lied(page) : page
      },
      read: async (key, signal) => {
        const page = await book.read(key, signal)
        return key === unownedDisks ? lied(page) : page
      },
    }),
  }
}

/** The page for disks that no node has is claimed only for disks of unknown UUID. */
const unownedForUnknown = hidden(({ intent, disks }) => intent === 'eviction' && disks === 'any')

/** Whoever empties known disks does not look at what was reserved on them while no node had them. */
const unlooked = hidden(({ intent }) => intent === 'removal')

for (const profile of ['A', 'B'] as const) {
  t.test(`a disk that is known in status joins a flagged node (${profile})`, async (t) => {
    const explored = await explore(joining(profile), depth(6, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    t.comment(`${explored.states} states`)
  })

  t.test(`a disk of a dead node joins a flagged node (${profile})`, async (t) => {
    const explored = await explore(movedFromDead(profile), depth(6, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    const walked = await walk(movedFromDead(profile), depth(100, 2_000), 60, 1)
    t.equal(walked.counterExample, undefined, report(walked))
    t.comment(`${explored.states} and ${walked.states} states`)
  })
}

for (const profile of ['A', 'B'] as const) {
  t.test(`a disk is evicted once Longhorn has found out its UUID (${profile})`, async (t) => {
    const explored = await explore(foundOut(profile), depth(6, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    const walked = await walk(foundOut(profile), depth(100, 2_000), 60, 1_300)
    t.equal(walked.counterExample, undefined, report(walked))
    t.comment(`${explored.states} and ${walked.states} states`)
  })
}

t.test('with the page of unowned disks for unknown disks alone the checker finds a crash', async (t) => {
  const broken = '=> n2 crashes: a clean-up is pending on d9'
  await finds(t, joining('A', unownedForUnknown), { broken, seed: 42 })
})

t.test(
  'without a look at what was reserved while no node had the disk the checker finds a crash',
  async (t) => {
    const broken = '=> n2 crashes: a clean-up is pending on d9'
    await finds(t, foundOut('B', unlooked), { broken, seed: 2_213 })
  },
)
