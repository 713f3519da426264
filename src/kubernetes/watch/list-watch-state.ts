import type { Clock, Random } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'
import { type BackOffLimits, defaultBackOffLimits } from './back-off.ts'
import type { Change } from './cache.ts'
import type { ClusterObject } from './list-pages.ts'

/** Why a list or a watch was started anew. */
export type RestartReason =
  /** The server ended the watch properly, as it does every 5–10 minutes. */
  | 'closed'
  /** No byte for 90 s: a half-open connection, or a resource that nobody writes. */
  | 'silent'
  /** The connection was lost in the middle. */
  | 'cut'
  /** 410: the version, or the page, is older than the server's history. */
  | 'expired'
  /** The versions went backwards: the server has another history now. */
  | 'new-history'
  /** An ERROR event other than 410. */
  | 'error-event'
  /** Something that is no list, or no watch event. */
  | 'malformed'
  /** No connection at all. */
  | 'unreachable'
  /** No headers within 30 s. */
  | 'timed-out'
  /** A token, certificate or exec plugin could not be used. */
  | 'credentials'
  /** 401 or 403. */
  | 'refused'
  /** 404: the resource is not installed. */
  | 'missing'
  /** 429. */
  | 'throttled'
  /** Any other 4xx: most likely the version asked for is not one. */
  | 'rejected'
  /** 5xx, or a status that means nothing here. */
  | 'server-error'
  /** A mistake of our own, or of a projection given to us. */
  | 'unexpected'

/** Where a list-watch stands. `since` is in the clock's milliseconds. */
export type ListWatchState =
  | { readonly phase: 'listing'; readonly since: number; readonly objects: number }
  /** Connected is false until the headers have come. */
  | { readonly phase: 'watching'; readonly since: number; readonly connected: boolean }
  | {
      readonly phase: 'backing-off'
      readonly since: number
      readonly until: number
      readonly reason: RestartReason
    }
  | { readonly phase: 'stopped'; readonly since: number }

/** How much was done since the start. */
export interface ListWatchCounters {
  /** Completed and swapped in. */
  readonly lists: number
  /** Opened, i.e. the headers came. */
  readonly watches: number
  /** Changes seen by watching; bookmarks are none. */
  readonly events: number
  /** Times the handler threw. */
  readonly handlerErrors: number
  readonly restarts: Readonly<Record<RestartReason, number>>
}

/** What is wrong, once for each new problem. */
export interface ListWatchProblem {
  readonly reason: RestartReason | 'handler'
  /** The API failure or connection failure, or what the handler threw. */
  readonly error: Error
  /** Milliseconds until the next attempt; 0 for at once. */
  readonly retryInMs: number
}

/** What is done about a restart. */
interface Course {
  /** `same`: a list is listed and a watch watched again, from the last version known. */
  readonly next: 'list' | 'same'
  /** Whether to wait; `at-once` waits too when it happens several times in a row. */
  readonly when: 'at-once' | 'back-off'
}

/** What is done about each restart. */
export const courses: Readonly<Record<RestartReason, Course>> = {
  closed: { next: 'same', when: 'at-once' },
  silent: { next: 'list', when: 'at-once' },
  cut: { next: 'same', when: 'back-off' },
  expired: { next: 'list', when: 'at-once' },
  'new-history': { next: 'list', when: 'at-once' },
  'error-event': { next: 'list', when: 'at-once' },
  malformed: { next: 'list', when: 'at-once' },
  unreachable: { next: 'same', when: 'back-off' },
  'timed-out': { next: 'same', when: 'back-off' },
  credentials: { next: 'same', when: 'back-off' },
  refused: { next: 'same', when: 'back-off' },
  missing: { next: 'list', when: 'back-off' },
  throttled: { next: 'same', when: 'back-off' },
  rejected: { next: 'list', when: 'back-off' },
  'server-error': { next: 'same', when: 'back-off' },
  unexpected: { next: 'list', when: 'back-off' },
}

/** A count of zero for each reason. */
export function noRestarts(): Record<RestartReason, number> {
  return {
    closed: 0,
    silent: 0,
    cut: 0,
    expired: 0,
    'new-history': 0,
    'error-event': 0,
    malformed: 0,
    unreachable: 0,
    'timed-out': 0,
    credentials: 0,
    refused: 0,
    missing: 0,
    throttled: 0,
    rejected: 0,
    'server-error': 0,
    unexpected: 0,
  }
}

/** The numbers of a list-watch. */
export interface ListWatchLimits {
  /** Objects in a page of a list. 500: 30 ms of the event loop; 10,000 at once take 250 ms. */
  readonly pageSize: number
  /** No headers for so long: given up. */
  readonly headersTimeoutMs: number
  /**
   * Nothing has shown for so long that the copy is current: it is listed anew. Longer than the minute between two
   * bookmarks; but a resource that nobody writes gets them only where etcd tells its progress, which is a flag of
   * etcd (measured on kube-apiserver 1.36.2: not a byte in 400 s).
   */
  readonly idleTimeoutMs: number
  /** A watch is asked to end after a random time between these two, so that not all end together. */
  readonly minWatchSeconds: number
  readonly maxWatchSeconds: number
  /** A watch that ends sooner did no good; client-node's informer made 1,500 such watches a second. */
  readonly briefWatchMs: number
  /** So many restarts at once are made without a watch that did good in between; then the back-off applies. */
  readonly restartsAtOnce: number
  readonly backOff: BackOffLimits
}

/** The reasons stand at the fields. */
export const defaultListWatchLimits: ListWatchLimits = {
  pageSize: 500,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  minWatchSeconds: 300,
  maxWatchSeconds: 600,
  briefWatchMs: 5_000,
  restartsAtOnce: 3,
  backOff: defaultBackOffLimits,
}

/** What to follow, and whom to tell. */
export interface ListWatchOptions<T extends object> {
  readonly connection: Connection
  /** Of one namespace's collection: objects are told apart by name. */
  readonly path: string
  /** Only the object of this name; all if not given. */
  readonly only?: string
  /** Reduces an object to what is used of it. It gets them without managedFields, page by page. */
  readonly project: (object: ClusterObject) => T
  /**
   * Told of each difference, those of a list in one synchronous go. What it throws is reported, nothing more. A list
   * shows how objects are and not how they were in between; a watch brings every change.
   */
  readonly onChange: (change: Change<T>, by: 'list' | 'watch') => void
  /** Told once, after the first list was told. */
  readonly onSynced?: () => void
  /** Told once for each new problem; the list-watch goes on by itself in any case. */
  readonly onProblem?: (problem: ListWatchProblem) => void
  /** Told when a watch is open again after a problem. */
  readonly onRecovered?: () => void
  /**
   * Told when changes may have come late, to others as well: the connection was lost, or the watch could not go on from
   * where it was. A proper end is none, and neither is a list that only shows that nothing has changed.
   *
   * @param began the last moment that all was well, in the clock's milliseconds
   */
  readonly onOutage?: (began: number) => void
  /** Told when a watch is open again after an outage. */
  readonly onOutageOver?: () => void
  /** Stops it, as `stop()` does. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<ListWatchLimits>
  readonly clock?: Clock
  readonly random?: Random
}
