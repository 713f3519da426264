import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { ApiFailure, ConnectionFailure } from '../../src/kubernetes/client/failures.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { defaultBackOffLimits } from '../../src/kubernetes/watch/back-off.ts'
import { ListWatch } from '../../src/kubernetes/watch/list-watch.ts'
import {
  ApiError,
  type ClusterClient,
  type ClusterObject,
  type ObjectEvent,
  type ResourceName,
  type Watch,
  type WatchSink,
} from '../../src/sandbox/cluster-client.ts'
import { longhornServiceAccount } from '../../src/sandbox/controllers/resources.ts'
import { isJsonObject, object, text } from '../../src/sandbox/json.ts'

const namespace = 'longhorn-system'

/** The API server over HTTP, for the controllers in miniature: they write as Longhorn's account. */
export class LonghornClient implements ClusterClient {
  readonly #connection: Connection
  readonly #signal = new AbortController().signal

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async get(resource: ResourceName, namespace: string, name: string): Promise<ClusterObject | undefined> {
    try {
      return objectIn(await this.#ask('GET', `${folderOf(resource, namespace)}/${name}`))
    } catch (error) {
      if (error instanceof ApiError && error.status.code === 404) return undefined
      throw error
    }
  }

  async list(resource: ResourceName, namespace: string): Promise<readonly ClusterObject[]> {
    const { items, apiVersion, kind } = object(await this.#ask('GET', folderOf(resource, namespace)))
    const one = { apiVersion, kind: text(kind).replace(/List$/, '') }
    return Array.isArray(items) ? items.map((item) => objectIn({ ...object(item), ...one })) : []
  }

  async create(resource: ResourceName, wanted: ClusterObject): Promise<ClusterObject> {
    const folder = folderOf(resource, wanted.metadata.namespace)
    const created = objectIn(await this.#ask('POST', folder, wanted))
    // A kubelet would write it.
    return resource.plural === 'pods'
      ? await this.updateStatus(resource, { ...created, status: wanted.status })
      : created
  }

  async update(resource: ResourceName, wanted: ClusterObject): Promise<ClusterObject> {
    if (resource.plural === 'pods') return await this.updateStatus(resource, wanted)
    return objectIn(await this.#ask('PUT', pathOf(resource, wanted), wanted))
  }

  async updateStatus(resource: ResourceName, wanted: ClusterObject): Promise<ClusterObject> {
    return objectIn(await this.#ask('PUT', `${pathOf(resource, wanted)}/status`, wanted))
  }

  async delete(resource: ResourceName, namespace: string, name: string): Promise<void> {
    await this.#ask('DELETE', `${folderOf(resource, namespace)}/${name}`, { gracePeriodSeconds: 0 })
  }

  async #ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: object): Promise<unknown> {
    const headers = { 'impersonate-user': longhornServiceAccount(namespace).username }
    try {
      const asked = { method, path, headers, signal: this.#signal }
      return await jsonRequest(this.#connection, { ...asked, ...(json !== undefined && { json }) })
    } catch (error) {
      if (error instanceof ConnectionFailure) throw unavailable(error.message)
      if (!(error instanceof ApiFailure)) throw error
      const { code, reason, message } = error
      throw new ApiError({ code, reason, message })
    }
  }
}

/** Copies of Longhorn's objects that follow the API server, so that a watch can begin with what is there. */
export class LonghornWatches {
  readonly #watches = new Map<string, Followed>()

  /** Begins, and waits for the first lists. */
  static async start(connection: Connection, all: readonly ResourceName[]): Promise<LonghornWatches> {
    const watches = new LonghornWatches()
    await Promise.all(
      all.map(async (resource) => {
        const followed = new Followed(connection, folderOf(resource, namespace))
        watches.#watches.set(resource.plural, followed)
        await followed.synced
      }),
    )
    return watches
  }

  readonly watch: Watch = ({ plural }, _, sink) => {
    const followed = this.#watches.get(plural)
    if (!followed) throw new Error(`nobody follows ${plural}`)
    return followed.open(sink)
  }

  /** Calls the listener after each change, whatever breaks meanwhile; the returned function ends that. */
  subscribe(listener: () => void): () => void {
    const all = [...this.#watches.values()]
    for (const { listeners } of all) listeners.add(listener)
    return () => {
      for (const { listeners } of all) listeners.delete(listener)
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((followed) => followed.stop()))
  }
}

/** The caches of managers have a back-off of their own, whose limits the guards know. This one must add nothing to it. */
const atOnce = { ...defaultBackOffLimits, baseMs: 50, capMs: 200, maxRetryAfterMs: 200 }

/** One resource. Its watches break with that of the API server, as those of the embedded one do. */
class Followed {
  readonly synced: Promise<void>
  readonly #objects = new Map<string, ClusterObject>()
  readonly #sinks = new Set<WatchSink>()
  /** Called after each change. */
  readonly listeners = new Set<() => void>()
  #isOut = false
  readonly #following: ListWatch<ClusterObject>

  constructor(connection: Connection, path: string) {
    let done = (): void => undefined
    this.synced = new Promise((resolve) => (done = resolve))
    this.#following = new ListWatch<ClusterObject>({
      connection,
      path,
      project: objectIn,
      limits: { backOff: atOnce },
      onChange: ({ type, name, value }) => {
        if (type === 'deleted') this.#objects.delete(name)
        else this.#objects.set(name, value)
        const types = { added: 'ADDED', changed: 'MODIFIED', deleted: 'DELETED' } as const
        this.#notify({ type: types[type], object: value })
      },
      onSynced: () => done(),
      onOutage: () => this.#break(),
      onOutageOver: () => (this.#isOut = false),
      onProblem: () => undefined,
    })
  }

  open(sink: WatchSink) {
    if (this.#isOut) throw unavailable('the watch of the API server is broken')
    this.#sinks.add(sink)
    return { objects: [...this.#objects.values()], close: () => void this.#sinks.delete(sink) }
  }

  async stop(): Promise<void> {
    await this.#following.stop()
  }

  #notify(event: ObjectEvent): void {
    for (const sink of this.#sinks) sink.changed(event)
    for (const listener of this.listeners) listener()
  }

  #break(): void {
    this.#isOut = true
    const sinks = [...this.#sinks]
    this.#sinks.clear()
    for (const sink of sinks) sink.broken()
  }
}

function unavailable(message: string): ApiError {
  return new ApiError({ code: 503, reason: 'ServiceUnavailable', message })
}

function folderOf({ group, version, plural }: ResourceName, namespace = ''): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  return namespace === '' ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`
}

function pathOf(resource: ResourceName, { metadata }: ClusterObject): string {
  return `${folderOf(resource, metadata.namespace)}/${metadata.name}`
}

function isObject(value: unknown): value is ClusterObject {
  return isJsonObject(value) && isJsonObject(value.metadata) && typeof value.metadata.name === 'string'
}

function objectIn(value: unknown): ClusterObject {
  if (isObject(value)) return value
  throw new Error(`the API server sent what is no object: ${JSON.stringify(value)}`)
}
