import t from 'tap'
import { unownedDisks, type Page } from '../../src/gate/reservation-book.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { parsed } from '../fixtures/cluster.ts'
import { depth } from '../fixtures/thorough.ts'
import { disk, rawNode, ready } from '../fixtures/raw-objects.ts'
import { explore } from './explore.ts'
import { finds } from './finds.ts'
import type { Sabotage } from './sabotage.ts'
import { report } from './report.ts'
import { cleanUp, join } from './request.ts'
import { image, node, scenario, type Scenario } from './scenario.ts'
import type { ModelObject } from './store.ts'

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

/** The page for disks that no node has is claimed only for disks of unknown UUID. */
const unownedForUnknown: Sabotage = {
  book: (book) => {
    const lied = (page: Page): Page => ({ ...page, reservations: page.reservations.filter(isTold) })
    const isTold = ({ intent, disks }: Reservation): boolean => intent !== 'eviction' || disks !== 'any'
    return {
      ...book,
      seen: (key) => {
        const page = book.seen(key)
        return page && key === unownedDisks ? lied(page) : page
      },
      read: async (key, signal) => {
        const page = await book.read(key, signal)
        return key === unownedDisks ? lied(page) : page
      },
    }
  },
}

for (const profile of ['A', 'B'] as const) {
  t.test(`a disk that is known in status joins a flagged node (${profile})`, async (t) => {
    const explored = await explore(joining(profile), depth(6, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    t.comment(`${explored.states} states`)
  })
}

t.test('with the page of unowned disks for unknown disks alone the checker finds a crash', async (t) => {
  const broken = '=> n2 crashes: a clean-up is pending on d9'
  await finds(t, joining('A', unownedForUnknown), { broken, seed: 42 })
})
