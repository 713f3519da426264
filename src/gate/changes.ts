/** What changed: an object of the disk map, or a page of the book of reservations. */
export type Changed = `${string}/${string}`

/** The name of a change to an object of the disk map. */
export function objectChange(kind: string, name: string): Changed {
  return `${kind}/${name}`
}

/** The name of a change to a page of the book of reservations. */
export function pageChange(key: string): Changed {
  return `page/${key}`
}

/** Stands for a change to whatever object of a kind, where it is not known which one matters. No object has this name. */
export function anyChange(kind: string): Changed {
  return objectChange(kind, '*')
}

/** True if this change is among those that are waited for. */
export function isAwaited(changed: Changed, awaited: ReadonlySet<Changed>): boolean {
  return awaited.has(changed) || awaited.has(anyChange(changed.slice(0, changed.indexOf('/'))))
}

/** Tells those who wait what has changed, as it happens and without keeping anything. */
export class Changes {
  readonly #listeners = new Set<(changed: Changed) => void>()

  tell(changed: Changed): void {
    for (const listener of this.#listeners) listener(changed)
  }

  /** @returns ends it */
  subscribe(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
