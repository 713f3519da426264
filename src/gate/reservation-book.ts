import type { JudgedKind } from '../rules/change.ts'
import type { Reservation } from './reservation.ts'

/** The page for disks that no node has, or whose UUID is not known yet. No node can have this name. */
export const unownedDisks = '(unowned disks)'

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
