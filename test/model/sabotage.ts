import type { DiskMap } from '../../src/disk-map/disk-map.ts'
import type { GateOptions } from '../../src/gate/gate.ts'
import type { MapFreshness, QuorumReads } from '../../src/gate/ports.ts'
import type { Entry, ReservationBook } from '../../src/gate/reservation-book.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import type { BackingImage } from '../../src/longhorn/backing-image.ts'
import type { Change } from '../../src/rules/change.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import type { Clock } from '../../src/time/clock.ts'
import { admin } from '../fixtures/cluster.ts'
import type { ModelObject } from './store.ts'

/** A weakened part of the protocol, to prove that the checker finds the fault. */
export interface Sabotage {
  readonly options?: Partial<GateOptions>
  readonly book?: (book: ReservationBook, clock: Clock, map: DiskMap) => ReservationBook
  readonly freshness?: (freshness: MapFreshness) => MapFreshness
  readonly reads?: (reads: QuorumReads, map: DiskMap) => QuorumReads
  /** No door reads the anchor: each keeps its Leases in its configured namespace. */
  readonly unanchored?: true
  /** A process may start right after an outage, of which it knows nothing: a known limit (known-limits.md). */
  readonly restartsUnaware?: true
  /** A proxy passes writes on however late it is. */
  readonly passesOnLate?: true
  /** Replaces the change before the gate gets it. */
  readonly asked?: (change: Change) => Change
  /** Replaces an object that a replica hears of or reads. */
  readonly seen?: <T extends ModelObject>(object: T) => T
}

const emptyBook: ReservationBook = {
  seen: (key) => ({ key, version: undefined, reservations: [] }),
  entries: () => [],
  read: (key) => Promise.resolve({ key, version: undefined, reservations: [] }),
  swap: (entry) => Promise.resolve(entry),
  markedSince: () => Infinity,
  subscribe: () => () => undefined,
}

/** Reservations off: a book that keeps nothing. */
export const noReservations: Sabotage = { book: () => emptyBook }

/** Watch positions are not compared with marks: the freshness of a replica counts as complete. */
export const uncompared: Sabotage = { freshness: (freshness) => ({ ...freshness, seenUpTo: () => '999999' }) }

/** Marks are not written: reservations go without a word. */
export const unmarked: Sabotage = {
  book: (book) => ({
    ...book,
    swap: (entry, { reservations }, signal) => book.swap(entry, { reservations, marks: {} }, signal),
  }),
}

/** What an eviction reserves while a clean-up is pending on its node is lost: it waits without a reservation, and trusts it. */
export const lostAhead: Sabotage = {
  book: (book, _, map) => ({
    ...book,
    swap: (entry, contents, signal) => {
      const isWaiting = [...map.pendingOnNode(entry.key)].length > 0
      const evictions = contents.reservations.filter(({ intent }) => intent === 'eviction')
      return isWaiting && evictions.length > 0
        ? Promise.resolve({ ...entry, ...contents })
        : book.swap(entry, contents, signal)
    },
  }),
}

/** Confirmation off: a read returns the freshness of the replica. */
export const noConfirmation: Sabotage = {
  ...uncompared,
  reads: (reads, map) => ({
    ...reads,
    images: () => {
      const uuids = [...map.nodes()].flatMap(({ status }) =>
        [...status.diskStatus.values()].map(({ diskUUID }) => diskUUID ?? ''),
      )
      const images = new Map<string, BackingImage>()
      for (const uuid of uuids) for (const image of map.imagesOn(uuid)) images.set(image.metadata.name, image)
      return Promise.resolve([...images.values()])
    },
    nodes: () => Promise.resolve([...map.nodes()]),
    node: (name) => Promise.resolve(map.node(name)),
  }),
}

/** Expiry shorter than commit: reservations end while their writes are still on their way. */
export const earlyExpiry: Sabotage = { options: { commitMs: 1_000 } }

/** Ended changes do not count. */
export const noSettling: Sabotage = { options: { policy: { ...defaultPolicy, settleMs: 0 } } }

/** An outage makes no difference. */
export const noOutages: Sabotage = {
  options: { policy: { ...defaultPolicy, settleAfterOutageMs: defaultPolicy.settleMs } },
}

/** Unseen changes do not count: the generation of objects is always 1. */
export const noGenerations: Sabotage = {
  seen: (object) => ({ ...object, metadata: { ...object.metadata, generation: 1 } }),
}

/** The rule of profile A narrowed to that of profile B: only the evicted disks count. */
export const narrowedToB: Sabotage = { options: { policy: { ...defaultPolicy, release: 'v1.8.1' } } }

/** Equal stamps of two processes, without the random part. */
export const sharedStamps: Sabotage = { options: { process: 'any' } }

/** Reservations end at their deadline by the time of day, which is not the same everywhere. */
export const wallClockDeadlines: Sabotage = { book: byTimeOfDay }

/** The book in which reservations end at their deadline, by the reader's time of day. */
export function byTimeOfDay(book: ReservationBook, clock: Pick<Clock, 'now'>): ReservationBook {
  return asIfRead(book, (entry) => ({
    ...entry,
    reservations: entry.reservations.map((each) => ({ ...each, lastsMs: each.deadline - clock.now() })),
  }))
}

/** Two books: no door reads the anchor, and each keeps its Leases in its configured namespace. */
export const twoBooks: Sabotage = { unanchored: true }

/** Reservations of an older version are ignored, since they have no duration. */
export const olderIgnored: Sabotage = {
  book: (book) =>
    asIfRead(book, (entry) => ({
      ...entry,
      reservations: entry.reservations.filter(({ lastsMs }) => lastsMs !== undefined),
    })),
}

/** An entry that an older version wrote counts as one that nothing has left, though that version makes no marks. */
export const unmarkedTrusted: Sabotage = {
  book: (book) => ({
    ...asIfRead(book, (entry) => (entry.marks ? entry : { ...entry, marks: {} })),
    markedSince: () => -Infinity,
  }),
}

/** The book in which nothing is written of some reservations. */
export function unreserved(isLeftOut: (reservation: Reservation) => boolean): Sabotage {
  return {
    book: (book) => ({
      ...book,
      swap: (entry, contents, signal) => {
        const reservations = contents.reservations.filter((each) => !isLeftOut(each))
        return book.swap(entry, { ...contents, reservations }, signal)
      },
    }),
  }
}

/** Creations reserve nothing. */
export const creationsUnreserved: Sabotage = unreserved(({ resourceVersion }) => resourceVersion === '')

/** Clean-ups reserve nothing. */
export const cleanUpsUnreserved: Sabotage = unreserved(({ intent }) => intent === 'removal')

/** Copies that are counted on to stay are not reserved. */
export const keepsUnreserved: Sabotage = unreserved(({ intent }) => intent === 'keep')

/** Removals are not reserved. */
export const removalsUnreserved: Sabotage = unreserved(
  ({ kind, intent, disks }) => kind === 'Node' && intent === 'eviction' && disks !== 'any',
)

/** Objects of one name count as one object: their uids are not looked at. */
export const uidsIgnored: Sabotage = {
  seen: (object) => ({ ...object, metadata: { ...object.metadata, uid: `uid-${object.metadata.name}` } }),
  book: (book) =>
    asIfRead(book, (entry) => ({
      ...entry,
      reservations: entry.reservations.map((each) => ({ ...each, uid: `uid-${each.name}` })),
    })),
}

/** Dry runs are taken for real. */
export const dryRunsForReal: Sabotage = {
  asked: (change) => ({ ...change, request: { ...change.request, dryRun: false } }),
}

/** Every account is taken for one that can wait. */
export const allPatient: Sabotage = {
  asked: (change) => ({ ...change, request: { ...change.request, actor: admin } }),
}

/** A creation is taken for one that a proxy has asked for, and so for proven. */
export const creationsProven: Sabotage = {
  asked: (change) => ({ ...change, request: { ...change.request, door: 'proxy-kubernetes' } }),
}

/** The book, with every entry that is read from it seen otherwise. */
function asIfRead(book: ReservationBook, see: (entry: Entry) => Entry): ReservationBook {
  return {
    seen: (key) => {
      const entry = book.seen(key)
      return entry && see(entry)
    },
    entries: () => [...book.entries()].map(see),
    read: async (key, signal) => see(await book.read(key, signal)),
    swap: (entry, contents, signal) => book.swap(entry, contents, signal),
    markedSince: (entry) => book.markedSince(entry),
    subscribe: (listener) => book.subscribe(listener),
  }
}

/** A proxy that was paused forwards writes that it admitted before, however long ago. */
export const passedOnLate: Sabotage = { passesOnLate: true }
