/** An object as the API server stores it. */
export interface StoredObject {
  readonly metadata: {
    readonly name: string
    readonly resourceVersion: string
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
}

/** The written object: the store adds the version. */
export interface Draft {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

/** One entry of the history. */
export interface StoredEvent {
  readonly version: number
  readonly collection: string
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: StoredObject
}

/** Objects by collection path, one version counter for all, and a history that can be forgotten. */
export class FakeStore {
  version = 1_000_000
  /** Watches from before this version are answered with 410. */
  oldest = 0
  #era = 0
  #events: StoredEvent[] = []
  readonly #objects = new Map<string, Map<string, StoredObject>>()
  readonly #listeners = new Set<(event: StoredEvent) => void>()

  list(collection: string): StoredObject[] {
    return [...(this.#objects.get(collection)?.values() ?? [])]
  }

  since(version: number): StoredEvent[] {
    return this.#events.filter((event) => event.version > version)
  }

  put(collection: string, draft: Draft): void {
    this.version += 1
    const objects = this.#collection(collection)
    const type = objects.has(draft.metadata.name) ? 'MODIFIED' : 'ADDED'
    const object = { ...draft, metadata: { ...draft.metadata, resourceVersion: String(this.version) } }
    objects.set(draft.metadata.name, object)
    this.#record({ version: this.version, collection, type, object })
  }

  delete(collection: string, name: string): void {
    const objects = this.#collection(collection)
    const last = objects.get(name)
    if (!last) return
    this.version += 1
    objects.delete(name)
    const object = { ...last, metadata: { ...last.metadata, resourceVersion: String(this.version) } }
    this.#record({ version: this.version, collection, type: 'DELETED', object })
  }

  /** Forgets the history: only watches from now on are possible. */
  compact(): void {
    this.#events = []
    this.oldest = this.version
  }

  /** Begins a new history with lower versions, as a restore from a backup does; the objects stay as they are. */
  restart(): void {
    this.#era += 1
    this.version = 1_000_000 - this.#era * 10_000
    this.compact()
    for (const objects of this.#objects.values()) {
      for (const [name, object] of objects) {
        this.version += 1
        objects.set(name, {
          ...object,
          metadata: { ...object.metadata, resourceVersion: String(this.version) },
        })
      }
    }
    this.oldest = this.version
  }

  listen(listener: (event: StoredEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #collection(collection: string): Map<string, StoredObject> {
    const objects = this.#objects.get(collection) ?? new Map<string, StoredObject>()
    this.#objects.set(collection, objects)
    return objects
  }

  #record(event: StoredEvent): void {
    this.#events.push(event)
    for (const listener of this.#listeners) listener(event)
  }
}
