import type { ClusterObject } from '../../cluster-client.ts'
import type { ResourceFacts } from '../resource-facts.ts'

/** Called after each commit of one resource. */
type CommitListener = (commit: Commit) => void

/**
 * The objects, as etcd would keep them: one counter gives every change its revision, and an object changes
 * only by compare-and-swap. Stored objects are frozen, so a caller keeps the state that it has read.
 */
export class Store {
  readonly #objects = new Map<ResourceFacts, Map<string, ClusterObject>>()
  readonly #listeners = new Map<ResourceFacts, Set<CommitListener>>()
  readonly #history: History
  #revision = 1

  /** @param historySize how many changes a watch can look back */
  constructor(historySize: number) {
    this.#history = new History(historySize)
  }

  /** The global counter: the newest `resourceVersion`. */
  get revision(): number {
    return this.#revision
  }

  get(resource: ResourceFacts, namespace: string, name: string): ClusterObject | undefined {
    return this.#objects.get(resource)?.get(keyOf(namespace, name))
  }

  /**
   * All objects of a resource in the order of their keys.
   *
   * @param namespace undefined: of all namespaces
   */
  list(resource: ResourceFacts, namespace: string | undefined): readonly ClusterObject[] {
    return sorted(this.#objects.get(resource) ?? new Map<string, ClusterObject>(), namespace)
  }

  /** Like {@link Store.list}, but at a revision; undefined if the history does not reach it. */
  listAt(
    resource: ResourceFacts,
    namespace: string | undefined,
    revision: number,
  ): readonly ClusterObject[] | undefined {
    const later = this.#history.since(revision)
    if (!later) return undefined
    const objects = new Map(this.#objects.get(resource))
    for (const commit of later.filter((one) => one.resource === resource).toReversed()) {
      const key = keyOfObject(commit.object)
      if (commit.before) objects.set(key, commit.before)
      else objects.delete(key)
    }
    return sorted(objects, namespace)
  }

  /** Stores a new object; undefined if the name is taken. */
  create(resource: ResourceFacts, object: ClusterObject): ClusterObject | undefined {
    if (this.get(resource, object.metadata.namespace ?? '', object.metadata.name)) return undefined
    return this.#commit('ADDED', resource, object, undefined)
  }

  /** Stores a new version; undefined if `expected` is no longer the stored one. */
  replace(
    resource: ResourceFacts,
    expected: ClusterObject,
    object: ClusterObject,
  ): ClusterObject | undefined {
    return this.#isStored(resource, expected)
      ? this.#commit('MODIFIED', resource, object, expected)
      : undefined
  }

  /**
   * Deletes an object; undefined if `expected` is no longer the stored one.
   *
   * @param last its last state, if that differs from the stored one
   */
  remove(
    resource: ResourceFacts,
    expected: ClusterObject,
    last: ClusterObject = expected,
  ): ClusterObject | undefined {
    return this.#isStored(resource, expected) ? this.#commit('DELETED', resource, last, expected) : undefined
  }

  /** The changes after a revision, oldest first; undefined if the history does not reach back so far. */
  since(revision: number): readonly Commit[] | undefined {
    return this.#history.since(revision)
  }

  /** Drops the history of watches; the objects stay. */
  forgetHistory(): void {
    this.#history.clear(this.#revision)
  }

  /**
   * Calls the listener after each later commit of a resource, in the order of the commits and never within
   * one: a listener may write. Errors of the listener are bugs of this program, so they are not caught.
   *
   * @returns ends the subscription
   */
  subscribe(resource: ResourceFacts, listener: CommitListener): () => void {
    const listeners = this.#listeners.get(resource) ?? new Set()
    this.#listeners.set(resource, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  #isStored(resource: ResourceFacts, expected: ClusterObject): boolean {
    const { namespace, name } = expected.metadata
    return this.get(resource, namespace ?? '', name) === expected
  }

  #commit(
    type: Commit['type'],
    resource: ResourceFacts,
    wanted: ClusterObject,
    before: ClusterObject | undefined,
  ): ClusterObject {
    const revision = ++this.#revision
    const metadata = { ...wanted.metadata, resourceVersion: String(revision) }
    const object: ClusterObject = freeze({ ...wanted, metadata })
    const objects = this.#objects.get(resource) ?? new Map<string, ClusterObject>()
    this.#objects.set(resource, objects)
    if (type === 'DELETED') objects.delete(keyOfObject(object))
    else objects.set(keyOfObject(object), object)
    const commit: Commit = { type, revision, resource, object, before }
    this.#history.add(commit)
    const listeners = this.#listeners.get(resource) ?? new Set()
    for (const listener of [...listeners])
      queueMicrotask(() => {
        if (listeners.has(listener)) listener(commit)
      })
    return object
  }
}

function keyOfObject({ metadata }: ClusterObject): string {
  return keyOf(metadata.namespace ?? '', metadata.name)
}

/** The order of a list: by namespace, then by name. */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`
}

function sorted(
  objects: ReadonlyMap<string, ClusterObject>,
  namespace: string | undefined,
): readonly ClusterObject[] {
  return [...objects]
    .filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, object]) => object)
}

function freeze<T>(value: T): T {
  // A frozen part comes from a stored object, and its parts are frozen too.
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) freeze(part)
  return Object.freeze(value)
}

/** One stored change. */
export interface Commit {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  /** The global counter after it; also the `resourceVersion` of {@link Commit.object}. */
  readonly revision: number
  readonly resource: ResourceFacts
  /** The stored object; for a deleted one its last state. */
  readonly object: ClusterObject
  /** The object before; undefined for a new one. */
  readonly before: ClusterObject | undefined
}

/** The last changes. A watch from before them gets 410 and has to list again. */
class History {
  readonly #size: number
  readonly #commits: Commit[] = []
  /** The newest revision that is no longer kept. */
  #forgotten = 0

  /** @param size how many changes are kept, at least 0 */
  constructor(size: number) {
    this.#size = size
  }

  /** Adds one change, and drops the oldest if there are too many. */
  add(commit: Commit): void {
    this.#commits.push(commit)
    if (this.#commits.length <= this.#size) return
    this.#forgotten = this.#commits.shift()?.revision ?? this.#forgotten
  }

  /** Drops every change so far. */
  clear(revision: number): void {
    this.#commits.length = 0
    this.#forgotten = revision
  }

  /** The changes after a revision, oldest first; undefined if some of them were dropped. */
  since(revision: number): readonly Commit[] | undefined {
    if (revision < this.#forgotten) return undefined
    return this.#commits.slice(this.#commits.findLastIndex((commit) => commit.revision <= revision) + 1)
  }
}
