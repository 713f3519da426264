import type { Kind } from '../longhorn/kinds.ts'

/** An object whose present version is not known, and why. */
export interface UnreadableObject {
  readonly kind: Kind
  readonly name: string
  /** A part of a sentence: which field is wrong and how. */
  readonly problem: string
}

/** The objects that could not be read; others ask for them to be careful about what they stand for. */
export class UnreadableObjects {
  readonly #objects = new Map<string, UnreadableObject>()
  #seen = 0

  /** How many were ever added, a new version of the same object included. */
  get seen(): number {
    return this.#seen
  }

  list(): readonly UnreadableObject[] {
    return [...this.#objects.values()]
  }

  add(object: UnreadableObject): void {
    this.#seen += 1
    this.#objects.set(keyOf(object.kind, object.name), object)
  }

  /** It can be read again, or is gone. */
  delete(kind: Kind, name: string): void {
    this.#objects.delete(keyOf(kind, name))
  }
}

function keyOf(kind: Kind, name: string): string {
  return `${kind}/${name}`
}
