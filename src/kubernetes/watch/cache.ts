import { isDeepStrictEqual } from 'node:util'

/** One difference between the old and the new state. A deletion carries the last known value. */
export interface CacheChange<T> {
  readonly type: 'added' | 'changed' | 'deleted'
  readonly name: string
  readonly value: T
}

/** A new set of objects, filled page by page beside the current one. */
interface Replacement<T> {
  readonly size: number
  put(name: string, value: T): void
  /** Replaces the current set in one step. @returns the differences between the two */
  swap(): readonly CacheChange<T>[]
}

/**
 * A copy of one resource's objects, by name. It reports real differences only. It compares values and not
 * versions, because after a restore of etcd the same version can be another object.
 */
export class ObjectCache<T extends object> {
  #objects = new Map<string, T>()

  /** @returns undefined if nothing changed, as in a replayed event */
  put(name: string, value: T): CacheChange<T> | undefined {
    const change = this.#difference(name, value)
    if (change) this.#objects.set(name, value)
    return change
  }

  /** @returns undefined if there was no such object */
  delete(name: string): CacheChange<T> | undefined {
    const value = this.#objects.get(name)
    if (value === undefined || !this.#objects.delete(name)) return undefined
    return { type: 'deleted', name, value }
  }

  /**
   * Starts a new set. The comparison happens while the pages come, so that the swap takes almost no time. The
   * current set must not change meanwhile.
   */
  replacement(): Replacement<T> {
    const fresh = new Map<string, T>()
    const changes: CacheChange<T>[] = []
    return {
      get size() {
        return fresh.size
      },
      put: (name, value) => {
        const change = this.#difference(name, value)
        if (change) changes.push(change)
        fresh.set(name, value)
      },
      swap: () => {
        for (const [name, value] of this.#objects) {
          if (!fresh.has(name)) changes.push({ type: 'deleted', name, value })
        }
        this.#objects = fresh
        return changes
      },
    }
  }

  #difference(name: string, value: T): CacheChange<T> | undefined {
    const known = this.#objects.get(name)
    if (known === undefined) return { type: 'added', name, value }
    return isDeepStrictEqual(known, value) ? undefined : { type: 'changed', name, value }
  }
}
