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
