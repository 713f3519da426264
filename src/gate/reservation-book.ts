import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { isOlder } from '../longhorn/metadata.ts'
import type { JudgedKind } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { lastsMs, type Reservation, settledIn } from './reservation.ts'

/** The page for disks that work on no node, or whose UUID is not known yet. No node can have this name. */
export const unownedDisks = '(unowned disks)'

/** Watches bring within milliseconds what was written, here or by another replica. A list takes longer than this. */
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

/** True for pages that are marked with what was settled on them: an eviction looks for that. */
export function keepsMarks(key: string): boolean {
  return !key.startsWith(writes)
}

/** For each kind, the newest version in which something that was reserved here was seen to be over. */
export type Marks = Readonly<Partial<Record<JudgedKind, string>>>

/** What stands on a page. */
export interface Contents {
  readonly reservations: readonly Reservation[]
  /**
   * Whoever takes a reservation off, since what became of it was seen, marks in which version. A watch that has come so
   * far shows everything that was ever done here. Undefined where that is not known: an older version of Holdfast wrote
   * the page.
   */
  readonly settled?: Marks | undefined
}

/** What is reserved on one node: the unit that is compared and swapped. */
export interface Page extends Contents {
  /** The name of the node, or {@link unownedDisks}, or {@link writesOf} an object. */
  readonly key: string
  /** The version to compare with; undefined for a page that does not exist. */
  readonly version: string | undefined
}

/** A page on which something was reserved. */
export interface ReservedPage {
  /** As it was before: if nobody had written it, as it is now. Whatever happened to it until then has to be known. */
  readonly known: Page
  /** As it is now, with its marks. */
  readonly page: Page
}

/**
 * The book of reservations, shared by all replicas and doors: a page for each node, on which two conflicting changes
 * meet whatever objects they are about (design: a swap of one object, as ResourceQuota does it).
 */
export interface ReservationBook {
  /** The page as it was last seen, without asking; undefined if nothing is known yet. May be behind. */
  seen(key: string): Page | undefined
  /** All pages with reservations or marks, as last seen. */
  pages(): Iterable<Page>
  /** The page as it is now. @throws when it cannot be had, or the signal's reason */
  read(key: string, signal: AbortSignal): Promise<Page>
  /**
   * Puts these contents in place of the page's, if nobody else was quicker. A page without reservations and marks is
   * removed.
   *
   * @returns the page as it is then; undefined if it is not as given any more
   * @throws when it is not known whether it was done, or the signal's reason
   */
  swap(page: Page, contents: Contents, signal: AbortSignal): Promise<Page | undefined>
  /**
   * Since when everything that left this page has left its mark there, by the monotonic clock of this process: whatever
   * left it before may have left none. Undefined if what led to this version of the page was not watched yet.
   */
  markedSince(page: Page): number | undefined
  /** Calls the listener with the key of each page that changes, or was watched. @returns ends it */
  subscribe(listener: (key: string) => void): () => void
}

/** A reservation that is over, and the version of its object that shows what became of it; undefined if there is none. */
export interface Over {
  readonly reservation: Reservation
  readonly version: string | undefined
}

/** Those of a page of which the disk map shows what became of them. */
export function settledOn({ reservations }: Pick<Page, 'reservations'>, map: DiskMapView): Over[] {
  return reservations.flatMap((reservation) => {
    const version = settledIn(reservation, map)
    return version === undefined ? [] : [{ reservation, version }]
  })
}

/**
 * What edits of a page begin with. Nothing has left a page that does not exist, so nothing has to be seen. One that
 * exists without marks tells nothing, whatever is done to it later, until it is removed.
 */
export function toBeginWith(page: Page): Contents {
  return page.version === undefined && keepsMarks(page.key) ? { ...page, settled: {} } : page
}

/**
 * The page without what is over, and marked with what has to be seen to know what became of it. Of an object that is
 * gone there is nothing to be seen: without any marks the page tells nothing, and lists are read.
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

/** The kinds of which marks are made. */
export const markedKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/**
 * When reservations end by this process's own clock: as long as they last, counted from when this process first saw
 * them. That is never before they were made, so no two clocks are compared, and none has to be right.
 */
export class Lifetimes {
  readonly #book: Pick<ReservationBook, 'pages' | 'seen' | 'subscribe'>
  readonly #clock: Pick<Clock, 'monotonic' | 'now'>
  /** When each reservation of a page ends. */
  readonly #pages = new Map<string, Map<string, number>>()
  readonly #unsubscribe: () => void

  /** Begins to look at every page that changes. */
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

  /** Sees a page. What is not on it is forgotten: should it come back, it counts from then, which is only more careful. */
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

  /** When nothing of it can be committed any more, by {@link Clock.monotonic}. */
  endOf(key: string, reservation: Reservation): number {
    return this.#pages.get(key)?.get(idOf(reservation)) ?? this.#endFromNow(reservation)
  }

  /** True once nothing of it can be committed any more. */
  isOver(key: string, reservation: Reservation): boolean {
    return this.#clock.monotonic() > this.endOf(key, reservation)
  }

  /** Looks no longer. */
  stop(): void {
    this.#unsubscribe()
  }

  #endFromNow(reservation: Reservation): number {
    return this.#clock.monotonic() + lastsMs(reservation, this.#clock.now())
  }
}

/** Processes of an older version may give one stamp twice. */
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

  /** Nobody else writes in it. */
  markedSince(): number {
    return -Infinity
  }

  subscribe(listener: (key: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
