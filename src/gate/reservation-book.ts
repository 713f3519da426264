import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/metadata.ts'
import type { JudgedKind } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { lastsMs, type Reservation, settledIn } from './reservation.ts'

/** The page for disks that work on no node, or have no known UUID. No node can have this name. */
export const unownedDisks = '(unowned disks)'

/**
 * Watches bring each write, by this or another replica, within milliseconds. A list takes longer than this.
 */
export const catchUpMs = 500

const writes = '(writes of '

/** The page on which writes to one object through proxies take turns. No node can have this name. */
export function writesOf(kind: JudgedKind, name: string): string {
  return `${writes}${kind} ${name})`
}

/** The node that a page is about; undefined for all other pages. */
export function nodeOf(key: string): string | undefined {
  return key === unownedDisks || key.startsWith(writes) ? undefined : key
}

/** True for pages with marks of their settled changes: an eviction uses those. */
export function keepsMarks(key: string): boolean {
  return !key.startsWith(writes)
}

/** For each kind, the newest version in which the end of a reservation of this page was seen. */
export type Marks = Readonly<Partial<Record<JudgedKind, string>>>

/** The content of a page. */
export interface Contents {
  readonly reservations: readonly Reservation[]
  /**
   * A replica that removes a reservation, since its result was seen, records the version. A watch that has
   * reached it shows every change of this page so far. Undefined if that is not known: an older version of
   * Holdfast wrote the page.
   */
  readonly settled?: Marks | undefined
}

/** The reservations of one node: the unit of compare-and-swap. */
export interface Page extends Contents {
  /** The name of the node, or {@link unownedDisks}, or {@link writesOf} an object. */
  readonly key: string
  /** The version to compare with; undefined for a page that does not exist. */
  readonly version: string | undefined
}

/** A page with a new reservation. */
export interface ReservedPage {
  /**
   * The page before: its current state, if no other writer came between. All of its changes until then have
   * to be known.
   */
  readonly known: Page
  /** As it is now, with its marks. */
  readonly page: Page
}

/**
 * The book of reservations, shared by all replicas and doors: a page for each node, on which two conflicting
 * changes meet, whatever their objects (design: a swap of one object, as ResourceQuota does it).
 */
export interface ReservationBook {
  /** The last known page, without I/O; undefined if it is unknown. May be behind. */
  seen(key: string): Page | undefined
  /** All pages with reservations or marks, in their last known state. */
  pages(): Iterable<Page>
  /** The current page. @throws if it cannot be read, or the signal's reason */
  read(key: string, signal: AbortSignal): Promise<Page>
  /**
   * Replaces the page's contents, unless another writer was quicker. A page without reservations and marks is
   * removed.
   *
   * @returns the new page; undefined if the given one is out of date
   * @throws if the write may not have happened, or the signal's reason
   */
  swap(page: Page, contents: Contents, signal: AbortSignal): Promise<Page | undefined>
  /**
   * Since when every reservation that left this page has left its mark there, by the monotonic clock of this
   * process. Earlier ones may have left none. Undefined if the history of this version was not watched yet.
   */
  markedSince(page: Page): number | undefined
  /**
   * Calls the listener with the key of each page that changes, or was watched.
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

/** Those of a page whose result the disk map shows. */
export function settledOn({ reservations }: Pick<Page, 'reservations'>, map: DiskMapView): Over[] {
  return reservations.flatMap((reservation) => {
    const version = settledIn(reservation, map)
    return version === undefined ? [] : [{ reservation, version }]
  })
}

/**
 * The content that edits of a page begin with. No reservation has left a page that does not exist, so no
 * result has to be seen. An existing page without marks tells nothing, whatever edits follow, until it is
 * removed.
 */
export function toBeginWith(page: Page): Contents {
  return page.version === undefined && keepsMarks(page.key) ? { ...page, settled: {} } : page
}

/**
 * The page without ended reservations, and with marks of the versions that show their results. A deleted
 * object leaves nothing to see: without any marks the page tells nothing, and lists are read.
 */
export function withoutOver(
  key: string,
  { reservations, settled }: Contents,
  over: readonly Over[],
): Contents {
  const ended = new Set(over.map(({ reservation }) => reservation))
  const kept = reservations.filter((each) => !ended.has(each))
  if (!keepsMarks(key) || !settled || over.some(({ version }) => version === undefined))
    return { reservations: kept, settled: undefined }
  const seen = over.map(({ reservation, version }): Marks => ({ [reservation.kind]: version }))
  return { reservations: kept, settled: newest([settled, ...seen]) }
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
  readonly #book: Pick<ReservationBook, 'pages' | 'seen' | 'subscribe'>
  readonly #clock: Pick<Clock, 'monotonic' | 'now'>
  /** When each reservation of a page ends. */
  readonly #pages = new Map<string, Map<string, number>>()
  readonly #unsubscribe: () => void

  /** Begins to watch every page. */
  constructor(
    book: Pick<ReservationBook, 'pages' | 'seen' | 'subscribe'>,
    clock: Pick<Clock, 'monotonic' | 'now'>,
  ) {
    this.#book = book
    this.#clock = clock
    for (const page of book.pages()) this.note(page)
    this.#unsubscribe = book.subscribe((key) => {
      const page = this.#book.seen(key)
      if (page) this.note(page)
    })
  }

  /**
   * Sees a page. Reservations that are not on it are forgotten. One that comes back counts from then, which
   * errs on the safe side.
   */
  note({ key, reservations }: Page): void {
    if (reservations.length === 0) {
      this.#pages.delete(key)
      return
    }
    const before = this.#pages.get(key)
    this.#pages.set(
      key,
      new Map(reservations.map((each) => [idOf(each), before?.get(idOf(each)) ?? this.#endFromNow(each)])),
    )
  }

  /** When it can no longer be committed, by {@link Clock.monotonic}. */
  endOf(key: string, reservation: Reservation): number {
    return this.#pages.get(key)?.get(idOf(reservation)) ?? this.#endFromNow(reservation)
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
  readonly #pages = new Map<string, Page>()
  readonly #listeners = new Set<(key: string) => void>()
  #version = 0

  seen(key: string): Page {
    return this.#pages.get(key) ?? { key, version: undefined, reservations: [] }
  }

  pages(): Iterable<Page> {
    return this.#pages.values()
  }

  read(key: string, signal: AbortSignal): Promise<Page> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      resolve(this.seen(key))
    })
  }

  swap(
    { key, version }: Page,
    { reservations, settled }: Contents,
    signal: AbortSignal,
  ): Promise<Page | undefined> {
    return new Promise((resolve) => {
      signal.throwIfAborted()
      if (this.seen(key).version !== version) {
        resolve(undefined)
        return
      }
      if (reservations.length === 0 && !settled) this.#pages.delete(key)
      else {
        const page = { key, version: String(++this.#version), reservations: [...reservations] }
        this.#pages.set(key, settled ? { ...page, settled } : page)
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
