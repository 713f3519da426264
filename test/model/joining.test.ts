import t from 'tap'
import { unownedDisks, type Entry } from '../../src/gate/reservation-book.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { depth } from '../fixtures/thorough.ts'
import { explore, walk } from './explore.ts'
import { finds } from './finds.ts'
import { foundOut, knownInStatus, movedFromDead, movedFromDying } from './joins.ts'
import type { Sabotage } from './sabotage.ts'
import { report } from './report.ts'

/** Hides some reservations on the entry for disks that no node has. */
function hidden(isHidden: (reservation: Reservation) => boolean): Sabotage {
  const lied = (entry: Entry): Entry => ({
    ...entry,
    reservations: entry.reservations.filter((each) => !isHidden(each)),
  })
  return {
    book: (book) => ({
      ...book,
      seen: (key) => {
        const entry = book.seen(key)
        return entry && key === unownedDisks ? lied(entry) : entry
      },
      read: async (key, signal) => {
        const entry = await book.read(key, signal)
        return key === unownedDisks ? lied(entry) : entry
      },
    }),
  }
}

/** The entry for disks that no node has is claimed only for disks of unknown UUID. */
const unownedForUnknown = hidden(({ intent, disks }) => intent === 'eviction' && disks === 'any')

/** Evictions of known disks do not look at reservations from the time when no node had these disks. */
const unlooked = hidden(({ intent }) => intent === 'removal')

for (const profile of ['A', 'B'] as const) {
  t.test(`a disk that is known in status joins a flagged node (${profile})`, async (t) => {
    const explored = await explore(knownInStatus(profile), depth(6, 10))
    t.equal(explored.counterExample, undefined, report(explored))
    t.comment(`${explored.states} states`)
  })

  for (const [when, moved] of [
    ['is dead', movedFromDead],
    ['dies only now', movedFromDying],
  ] as const) {
    t.test(`a disk of a node that ${when} joins a flagged node (${profile})`, async (t) => {
      const explored = await explore(moved(profile), depth(6, 8))
      t.equal(explored.counterExample, undefined, report(explored))
      const walked = await walk(moved(profile), depth(300, 1_000), 60, 1_000)
      t.equal(walked.counterExample, undefined, report(walked))
      t.comment(`${explored.states} and ${walked.states} states`)
    })
  }
}

for (const profile of ['A', 'B'] as const) {
  t.test(`a disk is evicted once Longhorn has found out its UUID (${profile})`, async (t) => {
    const explored = await explore(foundOut(profile), depth(6, 8))
    t.equal(explored.counterExample, undefined, report(explored))
    const walked = await walk(foundOut(profile), depth(100, 1_000), 60, 1_300)
    t.equal(walked.counterExample, undefined, report(walked))
    t.comment(`${explored.states} and ${walked.states} states`)
  })
}

t.test('the checker finds a crash with the entry of unowned disks for unknown disks alone', async (t) => {
  const broken = '=> n2 crashes: a clean-up is pending on d9'
  await finds(t, knownInStatus('A', { sabotage: unownedForUnknown }), { broken, seed: 42 })
})

t.test(
  'the checker finds a crash if no change reads reservations from before a node had the disk',
  async (t) => {
    const broken = '=> n2 crashes: a clean-up is pending on d9'
    await finds(t, foundOut('B', { sabotage: unlooked }), { broken, seed: 2_213 })
  },
)
