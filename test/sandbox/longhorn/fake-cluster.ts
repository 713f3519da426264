import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  type ClusterClient,
  type ClusterObject,
  type FailureStatus,
  type ObjectEvent,
  type ResourceName,
  type User,
  type Watch,
  type WatchSink,
} from '../../../src/sandbox/cluster-client.ts'

/** A write as admission sees it. */
export interface Write {
  readonly user: string
  readonly verb: 'create' | 'update' | 'delete'
  readonly plural: string
  readonly status: boolean
  readonly object: ClusterObject
  readonly before: ClusterObject | undefined
}

/** An API server in memory, as far as controllers notice, with switches for what may go wrong. */
export class FakeCluster {
  readonly #objects = new Map<string, ClusterObject>()
  readonly #listeners = new Set<() => void>()
  readonly #watches = new Map<WatchSink, string>()
  #version = 0
  /** Refuses a write, as an admission webhook does. */
  deny: (write: Write) => FailureStatus | undefined = () => undefined
  /** Holds a write back until the promise resolves, as an admission webhook does. */
  hold: (write: Write) => Promise<void> | undefined = () => undefined
  /** Called before an update is compared: a test can slip a write of its own in between. */
  beforeCommit: (write: Write) => Promise<void> | undefined = () => undefined
  /** Called before a list is read: a test can slip writes in between two lists of one reading. */
  beforeList: (plural: string) => Promise<void> | undefined = () => undefined
  /** True while it serves no watch. */
  away = false
  /** Every write that was asked for, admitted or not. */
  readonly writes: Write[] = []
  /** Called with every object as it was committed. */
  onCommit: (plural: string, object: ClusterObject) => void = () => undefined

  get listeners(): number {
    return this.#listeners.size
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly watch: Watch = ({ plural }, _namespace, sink) => {
    if (this.away) throw failure(503, 'ServiceUnavailable', plural)
    this.#watches.set(sink, plural)
    return { objects: this.all(plural), close: () => this.#watches.delete(sink) }
  }

  /** Breaks every watch, as an API server that restarts does. */
  breakWatches(): void {
    const sinks = [...this.#watches.keys()]
    this.#watches.clear()
    for (const sink of sinks) sink.broken()
  }

  /** The object as it is stored. */
  find(plural: string, name: string): ClusterObject | undefined {
    return this.#objects.get(key(plural, name))
  }

  /** All objects of a resource. */
  all(plural: string): ClusterObject[] {
    return [...this.#objects]
      .filter(([stored]) => stored.startsWith(`${plural}/`))
      .map(([, object]) => object)
  }

  client(user: User): ClusterClient {
    return {
      get: (resource, _namespace, name) => Promise.resolve(structuredClone(this.find(resource.plural, name))),
      list: async (resource) => {
        await this.beforeList(resource.plural)
        return structuredClone(this.all(resource.plural))
      },
      create: (resource, object) => this.#create(user, resource, object),
      update: (resource, object) => this.#update(user, resource, object, false),
      updateStatus: (resource, object) => this.#update(user, resource, object, true),
      delete: (resource, _namespace, name) => this.#delete(user, resource, name),
    }
  }

  async #create(user: User, resource: ResourceName, wanted: ClusterObject): Promise<ClusterObject> {
    const { plural } = resource
    if (this.find(plural, wanted.metadata.name)) throw failure(409, 'AlreadyExists', wanted.metadata.name)
    // As the API server does: CREATE drops the status.
    const object: ClusterObject = { ...structuredClone(wanted), status: undefined }
    await this.#admit({
      user: user.username,
      verb: 'create',
      plural,
      status: false,
      object,
      before: undefined,
    })
    const uid = `uid-${this.#version + 1}`
    return this.#commit(plural, { ...object, metadata: { ...object.metadata, uid } })
  }

  async #update(
    user: User,
    resource: ResourceName,
    wanted: ClusterObject,
    status: boolean,
  ): Promise<ClusterObject> {
    const { plural } = resource
    const { name, resourceVersion } = wanted.metadata
    const before = this.find(plural, name)
    if (!before) throw failure(404, 'NotFound', name)
    const object: ClusterObject = status
      ? { ...before, status: structuredClone(wanted.status) }
      : { ...structuredClone(wanted), status: before.status }
    const write: Write = { user: user.username, verb: 'update', plural, status, object, before }
    if (!status) await this.#admit(write)
    await this.beforeCommit(write)
    const now = this.find(plural, name)
    if (!now) throw failure(404, 'NotFound', name)
    if (now.metadata.resourceVersion !== (resourceVersion ?? now.metadata.resourceVersion))
      throw failure(409, 'Conflict', name)
    if (isDeepStrictEqual(object, now)) return now
    const isGone = object.metadata.deletionTimestamp && object.metadata.finalizers?.length === 0
    return isGone ? this.#remove(plural, object) : this.#commit(plural, object)
  }

  async #delete(user: User, resource: ResourceName, name: string): Promise<void> {
    const { plural } = resource
    const object = this.find(plural, name)
    if (!object) throw failure(404, 'NotFound', name)
    await this.#admit({ user: user.username, verb: 'delete', plural, status: false, object, before: object })
    if (object.metadata.finalizers?.length)
      this.#commit(plural, { ...object, metadata: { ...object.metadata, deletionTimestamp: 'now' } })
    else this.#remove(plural, object)
  }

  async #admit(write: Write): Promise<void> {
    this.writes.push(write)
    await this.hold(write)
    const denial = this.deny(write)
    if (denial) throw new ApiError(denial)
  }

  #commit(plural: string, object: ClusterObject): ClusterObject {
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) }
    const stored = { ...object, metadata }
    const type = this.find(plural, metadata.name) ? 'MODIFIED' : 'ADDED'
    this.#objects.set(key(plural, metadata.name), stored)
    this.onCommit(plural, stored)
    this.#notify(plural, { type, object: stored })
    return structuredClone(stored)
  }

  #remove(plural: string, object: ClusterObject): ClusterObject {
    this.#version++
    this.#objects.delete(key(plural, object.metadata.name))
    this.#notify(plural, { type: 'DELETED', object })
    return object
  }

  #notify(plural: string, event: ObjectEvent): void {
    for (const [sink, watched] of this.#watches) if (watched === plural) sink.changed(event)
    for (const listener of this.#listeners) listener()
  }
}

/** What a webhook answers when it refuses. */
export function denial(message: string): FailureStatus {
  return { code: 403, reason: 'Forbidden', message }
}

function failure(code: number, reason: string, name: string): ApiError {
  return new ApiError({ code, reason, message: `${reason}: ${name}` })
}

function key(plural: string, name: string): string {
  return `${plural}/${name}`
}
