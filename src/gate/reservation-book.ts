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

/** What is reserved on one node: the unit that is compared and swapped. */
export interface Page {
  /** The name of the node, or {@link unownedDisks}, or {@link writesOf} an object. */
  readonly key: string
  /** The version to compare with; undefined for a page that does not exist. */
  readonly version: string | undefined
  readonly reservations: readonly Reservation[]
}

/**
 * The book of reservations, shared by all replicas and doors: a page for each node, on which two conflicting changes
 * meet whatever objects they are about (design: a swap of one object, as ResourceQuota does it).
 */
export interface ReservationBook {
  /** The page as it was last seen, without asking; undefined if nothing is known yet. May be behind. */
  seen(key: string): Page | undefined
  /** All pages with reservations, as last seen. */
  pages(): Iterable<Page>
  /** The page as it is now. @throws when it cannot be had, or the signal's reason */
  read(key: string, signal: AbortSignal): Promise<Page>
  /**
   * Puts these reservations in place of the page's, if nobody else was quicker. A page without any is removed.
   *
   * @returns the page as it is then; undefined if it is not as given any more
   * @throws when it is not known whether it was done, or the signal's reason
   */
  swap(page: Page, reservations: readonly Reservation[], signal: AbortSignal): Promise<Page | undefined>
  /** Calls the listener with the key of each page that changes. @returns ends it */
  subscribe(listener: (key: string) => void): () => void
}
