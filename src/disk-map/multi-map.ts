/**
 * Several values for one key. A key without values is removed, so the map does not grow with deleted objects.
 */
export class MultiMap<K, V> {
  readonly #sets = new Map<K, Set<V>>()

  add(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set) set.add(value)
    else this.#sets.set(key, new Set([value]))
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key)
  }

  has(key: K): boolean {
    return this.#sets.has(key)
  }

  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? nothing
  }
}

const nothing: ReadonlySet<never> = new Set()
