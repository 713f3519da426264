import type { Clock } from '../../time/clock.ts'
import type {
  ClusterClient,
  ClusterObject,
  OpenWatch,
  ResourceName,
  User,
  WatchSink,
} from '../cluster-client.ts'
import { noSuchPath } from './failure.ts'
import type { RequestContext, Target, WriteOptions } from './http/request.ts'
import type { Uptime } from './identity.ts'
import type { ResourceFacts } from './resource-facts.ts'
import { findResource } from './resources.ts'
import type { Store } from './store/store.ts'
import type { Deletes } from './writes/deletes.ts'
import { type OptionsKind, writeOptions } from './writes/options.ts'
import type { Writes } from './writes/writes.ts'

/** The parts of the server that a client within the process uses. */
export interface ClientModules {
  readonly store: Store
  readonly writes: Writes
  readonly deletes: Deletes
  readonly clock: Clock
  readonly requestTimeoutMs: number
  readonly uptime: Uptime
}

/** A client without HTTP; the rest of the way is that of any request. Objects it returns are frozen. */
export class InProcessClient implements ClusterClient {
  readonly #modules: ClientModules
  readonly #user: User

  constructor(modules: ClientModules, user: User) {
    this.#modules = modules
    this.#user = user
  }

  async get(resource: ResourceName, namespace: string, name: string): Promise<ClusterObject | undefined> {
    const target = this.#target(resource, namespace, name)
    return Promise.resolve(this.#modules.store.get(target.resource, target.namespace, name))
  }

  /** @param namespace empty for cluster-scoped, or all namespaces */
  async list(resource: ResourceName, namespace: string): Promise<readonly ClusterObject[]> {
    const target = this.#target(resource, namespace, '')
    const within = target.namespace === '' ? undefined : target.namespace
    return Promise.resolve(this.#modules.store.list(target.resource, within))
  }

  async create(resource: ResourceName, object: ClusterObject): Promise<ClusterObject> {
    const target = this.#target(resource, object.metadata.namespace ?? '', '')
    return this.#modules.writes.create(target, asSent(object), how('CreateOptions'), this.#context())
  }

  async update(resource: ResourceName, object: ClusterObject): Promise<ClusterObject> {
    return this.#update(resource, object, undefined)
  }

  async updateStatus(resource: ResourceName, object: ClusterObject): Promise<ClusterObject> {
    return this.#update(resource, object, 'status')
  }

  async delete(resource: ResourceName, namespace: string, name: string): Promise<void> {
    const target = this.#target(resource, namespace, name)
    await this.#modules.deletes.delete(target, how('DeleteOptions'), this.#context())
  }

  #update(resource: ResourceName, object: ClusterObject, subresource: 'status' | undefined) {
    const { name, namespace = '' } = object.metadata
    const target = { ...this.#target(resource, namespace, name), subresource }
    if (subresource && !target.resource.hasStatus) throw noSuchPath(`${resource.plural}/status`)
    const sent = asSent(object)
    return this.#modules.writes.update(target, () => sent, how('UpdateOptions'), this.#context())
  }

  /**
   * The start of every request.
   *
   * @throws ApiError 503 while the server is down, 404 for an unknown resource
   */
  #target(wanted: ResourceName, namespace: string, name: string): Target {
    this.#modules.uptime.assertServing()
    const resource = findResource(wanted)
    if (!resource) throw noSuchPath(`${wanted.group}/${wanted.version} ${wanted.plural}`)
    return { resource, namespace: resource.namespaced ? namespace : '', name, subresource: undefined }
  }

  #context(): RequestContext {
    const { clock, requestTimeoutMs, uptime } = this.#modules
    return {
      user: this.#user,
      deadlineMs: clock.now() + requestTimeoutMs,
      signal: uptime.signal,
      // Callers here do not read warnings; those for users reach kubectl.
      warn: () => undefined,
    }
  }
}

/**
 * The object as it would arrive over HTTP: without undefined fields, and independent of the caller's object.
 */
function asSent(object: ClusterObject): unknown {
  return JSON.parse(JSON.stringify(object))
}

function how(kind: OptionsKind): WriteOptions {
  return writeOptions(
    kind,
    new URLSearchParams(),
    kind === 'DeleteOptions' ? { propagationPolicy: 'Background' } : undefined,
  )
}

/**
 * A watch without HTTP. It lists and subscribes in one step, so it misses no change.
 *
 * @param ended fires when the server stops
 */
export function openWatch(
  store: Store,
  resource: ResourceFacts,
  namespace: string,
  ended: AbortSignal,
  sink: WatchSink,
): OpenWatch {
  const unsubscribe = store.subscribe(resource, ({ type, object }) => {
    if (object.metadata.namespace === namespace) sink.changed({ type, object })
  })
  const close = () => {
    unsubscribe()
    ended.removeEventListener('abort', broken)
  }
  const broken = () => {
    close()
    sink.broken()
  }
  ended.addEventListener('abort', broken)
  return { objects: store.list(resource, namespace), close }
}
