import { isDeepStrictEqual } from 'node:util'

/** One difference between what was known and what is. A deletion carries the last value known. */
export interface Change<T> {
  readonly type: 'added' | 'changed' | 'deleted'
  readonly name: string
  readonly value: T
}

/** A fresh set of objects, filled page by page beside the one in use. */
interface Replacement<T> {
  readonly size: number
  put(name: string, value: T): void
  /** Takes the place of the set in use, in one go. @returns the differences between the two */
  swap(): readonly Change<T>[]
}

/**
 * A copy of one resource's objects, by name. It tells real differences only: values are compared, not versions,
 * because after a restore of etcd the same version can be another object.
 */
export class Mirror<T extends object> {
  #objects = new Map<string, T>()

  /** @returns undefined if that is what was known already, as in a replayed event */
  put(name: string, value: T): Change<T> | undefined {
    const change = this.#difference(name, value)
    if (change) this.#objects.set(name, value)
    return change
  }

  /** @returns undefined if there was no such object */
  delete(name: string): Change<T> | undefined {
    const value = this.#objects.get(name)
    if (value === undefined || !this.#objects.delete(name)) return undefined
    return { type: 'deleted', name, value }
  }

  /**
   * Starts a fresh set. The comparing is done while the pages come, so that the swap itself takes next to nothing;
   * the set in use must not change meanwhile.
   */
  replacement(): Replacement<T> {
    const fresh = new Map<string, T>()
    const changes: Change<T>[] = []
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

  #difference(name: string, value: T): Change<T> | undefined {
    const known = this.#objects.get(name)
    if (known === undefined) return { type: 'added', name, value }
    return isDeepStrictEqual(known, value) ? undefined : { type: 'changed', name, value }
  }
}
