import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/metadata.ts'
import type { JudgedKind } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { lastsMs, type Reservation, resolvedIn } from './reservation.ts'

/** The entry for disks that work on no node, or have no known UUID. No node can have this name. */
export const unownedDisks = '(unowned disks)'

/**
 * Watches bring each write, by this or another replica, within milliseconds. A list takes longer than this.
 */
export const catchUpMs = 500

const writes = '(writes of '

/** The entry on which writes to one object through proxies take turns. No node can have this name. */
export function writesOf(kind: JudgedKind, name: string): string {
  return `${writes}${kind} ${name})`
}

/** The node that an entry is about; undefined for all other entries. */
export function nodeOf(key: string): string | undefined {
  return key === unownedDisks || key.startsWith(writes) ? undefined : key
}

/** True for entries with marks of their settled changes: an eviction uses those. */
export function keepsMarks(key: string): boolean {
  return !key.startsWith(writes)
}

/** For each kind, the newest version in which the end of a reservation of this entry was seen. */
export type Marks = Readonly<Partial<Record<JudgedKind, string>>>

/** The content of an entry. */
export interface Contents {
  readonly reservations: readonly Reservation[]
  /**
   * A replica that removes a reservation, since its result was seen, records the version. A watch that has
   * reached it shows every change of this entry so far. Undefined if that is not known: an older version of
   * Holdfast wrote the entry.
   */
  readonly marks?: Marks | undefined
}

/** The reservations of one node: the unit of compare-and-swap. */
export interface Entry extends Contents {
  /** The name of the node, or {@link unownedDisks}, or {@link writesOf} an object. */
  readonly key: string
  /** The version to compare with; undefined for an entry that does not exist. */
  readonly version: string | undefined
}

/** An entry with a new reservation. */
export interface ReservedEntry {
  /**
   * The entry before: its current state, if no other writer came between. All of its changes until then have
   * to be known.
   */
  readonly known: Entry
  /** As it is now, with its marks. */
  readonly entry: Entry
}

/**
 * The book of reservations, shared by all replicas and doors: an entry for each node, on which two conflicting
 * changes meet, whatever their objects (design: a swap of one object, as ResourceQuota does it).
 */
export interface ReservationBook {
  /** The last known entry, without I/O; undefined if it is unknown. May be behind. */
  seen(key: string): Entry | undefined
  /** All entries with reservations or marks, in their last known state. */
  entries(): Iterable<Entry>
  /** The current entry. @throws if it cannot be read, or the signal's reason */
  read(key: string, signal: AbortSignal): Promise<Entry>
  /**
   * Replaces the entry's contents, unless another writer was quicker. An entry without reservations and marks is
   * removed.
   *
   * @returns the new entry; undefined if the given one is out of date
   * @throws if the write may not have happened, or the signal's reason
   */
  swap(entry: Entry, contents: Contents, signal: AbortSignal): Promise<Entry | undefined>
  /**
   * Since when every reservation that left this entry has left its mark there, by the monotonic clock of this
   * process. Earlier ones may have left none. Undefined if the history of this version was not watched yet.
   */
  markedSince(entry: Entry): number | undefined
  /**
   * Calls the listener with the key of each entry that changes, or was watched.
   *
   * @returns removes the listener
   */
  subscribe(listener: (key: string) => void): () => void
}

/**
 * A reservation that has ended, and the version of its object that shows the result; undefined if there is
 * none.
 */
export interface Over {
  readonly reservation: Reservation
  readonly version: string | undefined
}

/** Those of an entry whose result the disk map shows. */
export function resolvedOn({ reservations }: Pick<Entry, 'reservations'>, map: DiskMapView): Over[] {
  return reservations.flatMap((reservation) => {
    const version = resolvedIn(reservation, map)
    return version === undefined ? [] : [{ reservation, version }]
  })
}

/**
 * The content that edits of an entry begin with. No reservation has left an entry that does not exist, so no
 * result has to be seen. An existing entry without marks proves nothing, whatever edits follow, until it is
 * removed.
 */
export function toBeginWith(entry: Entry): Contents {
  return entry.version === undefined && keepsMarks(entry.key) ? { ...entry, marks: {} } : entry
}

/**
 * The entry without ended reservations, and with marks of the versions that show their results. A deleted
 * object leaves nothing to see: without any marks the entry proves nothing, and the guard reads lists.
 */
export function withoutOver(key: string, { reservations, marks }: Contents, over: readonly Over[]): Contents {
  const ended = new Set(over.map(({ reservation }) => reservation))
  const kept = reservations.filter((each) => !ended.has(each))
  if (!keepsMarks(key) || !marks || over.some(({ version }) => version === undefined))
    return { reservations: kept, marks: undefined }
  const seen = over.map(({ reservation, version }): Marks => ({ [reservation.kind]: version }))
  return { reservations: kept, marks: newest([marks, ...seen]) }
}

/** The newest version of each kind. */
export function newest(all: readonly Marks[]): Marks {
  const merged: Partial<Record<JudgedKind, string>> = {}
  for (const marks of all) {
    for (const kind of markedKinds) {
      const version = marks[kind]
      const known = merged[kind]
      if (version !== undefined && (known === undefined || isOlder(known, version))) merged[kind] = version
    }
  }
  return merged
}

/** The kinds that have marks. */
export const markedKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/**
 * When reservations end by this process's own clock: their duration, counted from when this process first saw
 * them. That is never before they were made, so no two clocks are compared, and none has to be right.
 */
export class Lifetimes {
  readonly #book: Pick<ReservationBook, 'entries' | 'seen' | 'subscribe'>
  readonly #clock: Pick<Clock, 'monotonic' | 'now'>
  /** When each reservation of an entry ends. */
  readonly #entries = new Map<string, Map<string, number>>()
  readonly #unsubscribe: () => void

  /** Begins to watch every entry. */
  constructor(
    book: Pick<ReservationBook, 'entries' | 'seen' | 'subscribe'>,
    clock: Pick<Clock, 'monotonic' | 'now'>,
  ) {
    this.#book = book
    this.#clock = clock
    for (const entry of book.entries()) this.note(entry)
    this.#unsubscribe = book.subscribe((key) => {
      const entry = this.#book.seen(key)
      if (entry) this.note(entry)
    })
  }

  /**
   * Sees an entry. Reservations that are not on it are forgotten. One that comes back counts from then, which
   * errs on the safe side.
   */
  note({ key, reservations }: Entry): void {
    if (reservations.length === 0) {
      this.#entries.delete(key)
      return
    }
    const before = this.#entries.get(key)
    this.#entries.set(
      key,
      new Map(reservations.map((each) => [idOf(each), before?.get(idOf(each)) ?? this.#endFromNow(each)])),
    )
  }

  /** When it can no longer be committed, by {@link Clock.monotonic}. */
  endOf(key: string, reservation: Reservation): number {
    return this.#entries.get(key)?.get(idOf(reservation)) ?? this.#endFromNow(reservation)
  }

  /** True once it can no longer be committed. */
  isOver(key: string, reservation: Reservation): boolean {
    return this.#clock.monotonic() > this.endOf(key, reservation)
  }

  /** Stops watching. */
  stop(): void {
    this.#unsubscribe()
  }

  #endFromNow(reservation: Reservation): number {
    return this.#clock.monotonic() + lastsMs(reservation, this.#clock.now())
  }
}

/** Processes of an older version may use one stamp twice. */
function idOf({ stamp, deadline, kind, name, intent }: Reservation): string {
  return `${stamp} ${deadline} ${intent} ${kind}/${name}`
}

/** A book for one process: for tests, and for a command that decides alone. */
export class InProcessBook implements ReservationBook {
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<(key: string) => void>()
  #version = 0

  seen(key: string): Entry {
    return this.#entries.get(key) ?? { key, version: undefined, reservations: [] }
  }

  entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  read(key: string, signal: AbortSignal): Promise<Entry> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      resolve(this.seen(key))
    })
  }

  swap(
    { key, version }: Entry,
    { reservations, marks }: Contents,
    signal: AbortSignal,
  ): Promise<Entry | undefined> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      if (this.seen(key).version !== version) {
        resolve(undefined)
        return
      }
      if (reservations.length === 0 && !marks) this.#entries.delete(key)
      else {
        const entry = { key, version: String(++this.#version), reservations: [...reservations] }
        this.#entries.set(key, marks ? { ...entry, marks } : entry)
      }
      for (const listener of this.#listeners) listener(key)
      resolve(this.seen(key))
    })
  }

  /** It has no other writer. */
  markedSince(): number {
    return -Infinity
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
