import type { ClusterObject } from '../../cluster-client.ts'
import type { ResourceFacts } from '../columns.ts'

/** One change that was stored. */
export interface Commit {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** The global counter after it; also the `resourceVersion` of {@link Commit.object}. */
  readonly revision: number
  readonly resource: ResourceFacts
  /** What is stored now; of a deleted object its last state. */
  readonly object: ClusterObject
  /** What was stored before; undefined for a new object. */
  readonly before: ClusterObject | undefined
}

/** The last changes. A watch that wants to begin before them gets 410 and has to list again. */
export class History {
  readonly #size: number
  readonly #commits: Commit[] = []
  /** The newest revision that is no longer kept. */
  #forgotten = 0

  /** @param size how many changes are kept, at least 0 */
  constructor(size: number) {
    this.#size = size
  }

  /** Keeps one more change, and forgets the oldest when there are too many. */
  add(commit: Commit): void {
    this.#commits.push(commit)
    if (this.#commits.length <= this.#size) return
    this.#forgotten = this.#commits.shift()?.revision ?? this.#forgotten
  }

  /** Forgets every change until now. */
  clear(revision: number): void {
    this.#commits.length = 0
    this.#forgotten = revision
  }

  /** The changes after a revision, oldest first; undefined when some of them are forgotten. */
  since(revision: number): readonly Commit[] | undefined {
    if (revision < this.#forgotten) return undefined
    return this.#commits.slice(this.#commits.findLastIndex((commit) => commit.revision <= revision) + 1)
  }
}
