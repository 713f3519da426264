import type { Clock, Random } from '../../time/clock.ts'
import type { Pace } from '../../time/pace.ts'
import type { Connection } from '../client/connection.ts'
import { type BackOffLimits, defaultBackOffLimits } from './back-off.ts'
import type { CacheChange } from './cache.ts'
import type { ListedObject } from './list-pages.ts'

/** Why a list or a watch was started again. */
export type RestartReason =
  /** The server ended the watch properly, as it does every 5–10 minutes. */
  | 'closed'
  /** No byte for 90 s: a half-open connection, or a resource without writes. */
  | 'silent'
  /** The connection was lost in the middle. */
  | 'cut'
  /** 410: the version, or the page, is older than the server's history. */
  | 'expired'
  /** The versions went backwards: the server has another history now. */
  | 'new-history'
  /** An ERROR event other than 410. */
  | 'error-event'
  /** An answer that is not a list, or not a watch event. */
  | 'malformed'
  /** No connection. */
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
  /** A bug in Holdfast, or in a projection. */
  | 'unexpected'

/** The state of a list-watch. `since` is in the clock's milliseconds. */
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

/** Counters since the start. */
export interface ListWatchCounters {
  /** Completed and swapped in. */
  readonly lists: number
  /** Opened, i.e. the headers came. */
  readonly watches: number
  /** Changes from the watch, without bookmarks. */
  readonly events: number
  /** How often the handler threw. */
  readonly handlerErrors: number
  readonly restarts: Readonly<Record<RestartReason, number>>
}

/** A problem, reported once while it is new. */
export interface ListWatchProblem {
  readonly reason: RestartReason | 'handler'
  /** The API failure or connection failure, or the error of the handler. */
  readonly error: Error
  /** Milliseconds until the next attempt; 0 for at once. */
  readonly retryInMs: number
}

/** The reaction to a restart. */
interface RestartPolicy {
  /** `same`: a failed list is listed again and a watch opened again, from the last known version. */
  readonly next: 'list' | 'same'
  /** Whether to wait; `at-once` waits too if it happens several times in a row. */
  readonly when: 'at-once' | 'back-off'
}

/** The reaction to each restart. */
export const restartPolicies: Readonly<Record<RestartReason, RestartPolicy>> = {
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
  /**
   * Objects in a page of a list. 100 nodes with ten disks are 2 MB of text, and as much again as bytes and as objects. Pages
   * of 500 left a guard with 500 such nodes 10 MB larger, and each takes 30 ms of the event loop.
   */
  readonly pageSize: number
  /** Limit for the headers. */
  readonly headersTimeoutMs: number
  /**
   * The list-watch lists again if nothing has proved for this time that the copy is current. That is longer
   * than the minute between two bookmarks. But a resource without writes gets bookmarks only if etcd reports
   * its progress, which is a flag of etcd (measured on kube-apiserver 1.36.2: not a byte in 400 s).
   */
  readonly idleTimeoutMs: number
  /** A watch asks to end after a random time between these two, so that watches do not all end together. */
  readonly minWatchSeconds: number
  readonly maxWatchSeconds: number
  /** A watch that ends sooner was useless; client-node's informer made 1,500 such watches a second. */
  readonly briefWatchMs: number
  /** How many restarts happen at once without a useful watch in between; then the back-off applies. */
  readonly restartsAtOnce: number
  readonly backOff: BackOffLimits
}

/** The fields have the reasons. */
export const defaultListWatchLimits: ListWatchLimits = {
  pageSize: 100,
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  minWatchSeconds: 300,
  maxWatchSeconds: 600,
  briefWatchMs: 5_000,
  restartsAtOnce: 3,
  backOff: defaultBackOffLimits,
}

/** The collection to follow, and the listeners. */
export interface ListWatchOptions<T extends object> {
  readonly connection: Connection
  /** The collection of one namespace: names identify its objects. */
  readonly path: string
  /** Only the object of this name; all if not given. */
  readonly only?: string
  /** Reduces an object to the fields that are used. It gets objects without managedFields, page by page. */
  readonly project: (object: ListedObject) => T
  /**
   * Called for each difference; those of a list come in one synchronous run, except those of a first list with a
   * `pace`. Its errors are reported and have no other effect. A list shows the current state without the steps in
   * between; a watch brings every change.
   */
  readonly onChange: (change: CacheChange<T>, by: 'list' | 'watch') => void
  /** Called once, after the changes of the first list. */
  readonly onSynced?: () => void
  /** Called once for each new problem; the list-watch goes on in any case. */
  readonly onProblem?: (problem: ListWatchProblem) => void
  /** Called when a watch is open again after a problem. */
  readonly onRecovered?: () => void
  /**
   * Called when changes may have come late, to other clients as well: the connection was lost, or the watch
   * could not resume. A normal end does not count, nor does a list that only shows that nothing has changed.
   *
   * @param began the last moment at which the connection was known to work, in the clock's milliseconds
   */
  readonly onOutage?: (began: number) => void
  /** Called when a watch is open again after an outage. */
  readonly onOutageOver?: () => void
  /** Stops it, as `stop()` does. */
  readonly signal?: AbortSignal
  readonly limits?: Partial<ListWatchLimits>
  /**
   * Lists are read in its turns. The changes of the first are passed on in them too, and it counts as read once all
   * are. Several list-watches can have one pace.
   */
  readonly pace?: Pace
  readonly clock?: Clock
  readonly random?: Random
}
