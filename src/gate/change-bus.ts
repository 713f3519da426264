import type { ReservationBook } from './reservation-book.ts'

/** A change: an object of the disk map, or an entry of the book of reservations. */
export type Changed = `${string}/${string}`

/** The name of a change to an object of the disk map. */
export function objectChange(kind: string, name: string): Changed {
  return `${kind}/${name}`
}

/** The name of a change to an entry of the book of reservations. */
export function entryChange(key: string): Changed {
  return `entry/${key}`
}

/** Stands for a change to any object of a kind, if the relevant one is unknown. No object has this name. */
export function anyChange(kind: string): Changed {
  return objectChange(kind, '*')
}

/** True if this change is among the awaited ones. */
export function isAwaited(changed: Changed, awaited: ReadonlySet<Changed>): boolean {
  return awaited.has(changed) || awaited.has(anyChange(changed.slice(0, changed.indexOf('/'))))
}

/** Reports changes to waiting requests as they happen, and stores nothing. */
export class ChangeBus {
  readonly #listeners = new Set<(changed: Changed) => void>()
  readonly #ofObjects = new Set<(changed: Changed) => void>()

  emit(changed: Changed): void {
    for (const listener of this.#listeners) listener(changed)
    if (!changed.startsWith('entry/')) for (const listener of this.#ofObjects) listener(changed)
  }

  /** Follows a book: reports each entry that changes. */
  follow(book: Pick<ReservationBook, 'subscribe'>): void {
    book.subscribe((key) => this.emit(entryChange(key)))
  }

  /** @returns removes the listener */
  subscribe(listener: (changed: Changed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The same for changes to objects alone. */
  subscribeToObjects(listener: (changed: Changed) => void): () => void {
    this.#ofObjects.add(listener)
    return () => this.#ofObjects.delete(listener)
  }
}
