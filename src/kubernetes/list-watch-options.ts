import type { Clock, Random } from '../time/clock.ts'
import type { ClusterObject } from './cluster-object.ts'
import type { Connection } from './connection.ts'
import type { ListWatchLimits } from './list-watch-limits.ts'
import type { ListWatchProblem } from './list-watch-state.ts'
import type { Change } from './mirror.ts'

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
