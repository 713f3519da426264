import { isDeepStrictEqual } from 'node:util'
import type { BackingImage, BackingImageDataSource } from '../../src/longhorn/backing-image.ts'
import type { Node } from '../../src/longhorn/node.ts'
import { LeaseStore } from './lease-store.ts'

/** The kinds that can change in the model. */
export type ModelObject = Node | BackingImage | BackingImageDataSource

/** An event of a watch: an object as it is then, or as it was when it was deleted. */
export interface ModelEvent {
  readonly object: ModelObject
  readonly gone: boolean
}

/** The kinds as they are watched: each in its own order, and in none with each other. */
export const watched = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/** One of the {@link watched} kinds. */
export type Watched = (typeof watched)[number]

/** A version that another took the place of. */
export interface PastVersion {
  readonly object: ModelObject
  /** When it was replaced, in model milliseconds. */
  readonly until: number
}

/** True for an object that cannot be new: a flag was raised, or a copy left spec and its file is still there. */
export function hasPast(object: ModelObject): boolean {
  switch (object.kind) {
    case 'Node':
      return (
        object.spec.evictionRequested ||
        [...object.spec.disks.values()].some(({ evictionRequested }) => evictionRequested)
      )
    case 'BackingImage': {
      const { spec, status } = object
      return [...status.diskFileStatusMap.keys()].some((uuid) => !spec.diskFileSpecMap.has(uuid))
    }
    case 'BackingImageDataSource':
      return false
  }
}

/**
 * The stored objects of the API server, with all their changes, so that a watch can deliver them later. Each kind counts
 * its own versions: they are compared within one kind only, and fewer states differ without need.
 */
export class Store {
  readonly #objects = new Map<string, ModelObject>()
  readonly #events: Record<Watched, ModelEvent[]> = { Node: [], BackingImage: [], BackingImageDataSource: [] }
  readonly #sudden = new Set<ModelEvent>()
  readonly #leases = new Map<string, LeaseStore>()
  readonly #past: PastVersion[] = []
  readonly #time: { readonly now: number }
  /** The namespace in which the Leases of all doors are; undefined while no door has said so. */
  anchor: string | undefined

  constructor(time: { readonly now: number }) {
    this.#time = time
  }

  find<K extends Watched>(kind: K, name: string): Extract<ModelObject, { kind: K }> | undefined {
    const object = this.#objects.get(`${kind}/${name}`)
    return object && isKind(object, kind) ? object : undefined
  }

  all<K extends Watched>(kind: K): Extract<ModelObject, { kind: K }>[] {
    const found: Extract<ModelObject, { kind: K }>[] = []
    for (const object of this.#objects.values()) if (isKind(object, kind)) found.push(object)
    return found
  }

  /** Every version of a kind that was current at some moment after `since`, so that a manager may still read it. */
  versions<K extends Watched>(kind: K, since: number): Extract<ModelObject, { kind: K }>[] {
    const past = this.past(since).map(({ object }) => object)
    return [...past.filter((object) => isKind(object, kind)), ...this.all(kind)]
  }

  /** The versions that were replaced after `since`. */
  past(since: number): PastVersion[] {
    return this.#past.filter(({ until }) => until > since)
  }

  objects(): Iterable<ModelObject> {
    return this.#objects.values()
  }

  events(kind: Watched): readonly ModelEvent[] {
    return this.#events[kind]
  }

  /** The Leases of a namespace. */
  leases(namespace: string): LeaseStore {
    const known = this.#leases.get(namespace)
    if (known) return known
    const made = new LeaseStore()
    this.#leases.set(namespace, made)
    return made
  }

  /** The Leases of all namespaces that have any. */
  allLeases(): Iterable<readonly [namespace: string, LeaseStore]> {
    return this.#leases
  }

  /** Puts an unforeseeable change in place: no watch delivers it late without being known to lag. */
  putSuddenly(object: ModelObject): void {
    this.put(object)
    const [event] = this.#events[object.kind].slice(-1)
    if (event) this.#sudden.add(event)
  }

  /** Whether this is such a change. */
  isSudden(event: ModelEvent): boolean {
    return this.#sudden.has(event)
  }

  /** Puts the object in place of the one of its name, as its next version. */
  put(object: ModelObject): void {
    const key = keyOf(object)
    const before = this.#objects.get(key)
    const stored = {
      ...object,
      metadata: {
        ...object.metadata,
        resourceVersion: this.#nextVersion(object),
        generation: next(before, object),
      },
    }
    if (before) this.#past.push({ object: before, until: this.#time.now })
    this.#objects.set(key, stored)
    this.#events[object.kind].push({ object: stored, gone: false })
  }

  /** Deletes the object. One that is made under its name later is another. */
  remove(object: ModelObject): void {
    const before = this.#objects.get(keyOf(object))
    if (!before || !this.#objects.delete(keyOf(object))) return
    const metadata = { ...before.metadata, resourceVersion: this.#nextVersion(before) }
    this.#past.push({ object: before, until: this.#time.now })
    this.#events[before.kind].push({ object: { ...before, metadata }, gone: true })
  }

  #nextVersion({ kind }: ModelObject): string {
    return String(this.#events[kind].length + 1)
  }
}

function keyOf({ kind, metadata }: ModelObject): string {
  return `${kind}/${metadata.name}`
}

/** The API server counts the changes of spec. */
function next(before: ModelObject | undefined, { spec, metadata }: ModelObject): number {
  if (!before) return metadata.generation
  const { generation } = before.metadata
  return isDeepStrictEqual(before.spec, spec) ? generation : generation + 1
}

function isKind<K extends Watched>(
  object: ModelObject,
  kind: K,
): object is Extract<ModelObject, { kind: K }> {
  return object.kind === kind
}
