import { isDeepStrictEqual } from 'node:util'
import { type Clock, timestamp } from '../../../time/clock.ts'
import type { ClusterObject } from '../../cluster-client.ts'
import type { Admission } from '../admission/admission.ts'
import { alreadyExists, badRequest, notFound, timedOut } from '../failure.ts'
import type { RequestContext, Target, WriteOptions } from '../http/request.ts'
import type { Identity } from '../identity.ts'
import { namespaces } from '../resources.ts'
import type { Store } from '../store/store.ts'
import { decodeObject } from './decode.ts'
import { prepareCreate, prepareUpdate } from './prepare.ts'

/** The parts that writing needs. */
export interface WriteModules {
  readonly store: Store
  readonly admission: Admission
  readonly clock: Clock
  readonly identity: Identity
}

/**
 * Creates and changes objects in the order of a real API server: decode, schema and resourceVersion checks,
 * webhooks, then the store by compare-and-swap (kubernetes.md, The request).
 */
export class Writes {
  readonly #modules: WriteModules

  constructor(modules: WriteModules) {
    this.#modules = modules
  }

  /** @throws ApiError 404 without the namespace, 409 if the name is taken, 400, 422 or a webhook's denial */
  async create(
    target: Target,
    body: unknown,
    { dryRun, options }: WriteOptions,
    context: RequestContext,
  ): Promise<ClusterObject> {
    const { store, admission, clock, identity } = this.#modules
    const { resource, namespace, subresource } = target
    const wanted = decodeObject(body, target)
    if (resource.namespaced && !store.get(namespaces, '', namespace)) throw notFound(namespaces, namespace)
    const fresh = { uid: identity.uid(), now: timestamp(clock.now()), suffix: identity.suffix() }
    const object = prepareCreate(target, wanted, fresh)
    const { name } = object.metadata
    await admission.admit(
      {
        ...{ operation: 'CREATE', resource, subresource, namespace, name, object, oldObject: undefined },
        ...{ user: context.user, dryRun, options },
      },
      context,
    )
    const taken = dryRun ? store.get(resource, namespace, name) !== undefined : false
    const stored = dryRun ? object : store.create(resource, object)
    // Not earlier: the creation of an existing name does reach the webhooks (kubernetes.md, The request).
    if (taken || !stored) throw alreadyExists(resource, name)
    return stored
  }

  /**
   * Changes one object, main part or status.
   *
   * @param next makes the wanted version from the stored one. After another client's write in between it is
   * called again, and the result is reviewed again under a new uid (kubernetes.md, The request) @throws
   * ApiError 404, 409 for a resourceVersion that is not the newest, 400, 422 or a webhook's denial
   */
  async update(
    target: Target,
    next: (current: ClusterObject) => unknown,
    { dryRun, options }: WriteOptions,
    context: RequestContext,
  ): Promise<ClusterObject> {
    const { store, admission, clock } = this.#modules
    const { resource, namespace, name, subresource } = target
    for (;;) {
      const current = store.get(resource, namespace, name)
      if (!current) throw notFound(resource, name)
      const object = prepareUpdate(target, current, named(decodeObject(next(current), target), name))
      await admission.admit(
        {
          ...{ operation: 'UPDATE', resource, subresource, namespace, name, object, oldObject: current },
          ...{ user: context.user, dryRun, options },
        },
        context,
      )
      if (dryRun) return object
      // A write without a change is reviewed, but stores nothing and keeps its version.
      if (isDeepStrictEqual(object, current)) return current
      const stored = isGone(object)
        ? store.remove(resource, current, object)
        : store.replace(resource, current, object)
      if (stored) return stored
      if (clock.now() >= context.deadlineMs)
        throw timedOut(`${resource.plural} "${name}" kept changing meanwhile`)
    }
  }
}

/** True if the write removes the last finalizer of an object that is being deleted. */
function isGone({ metadata }: ClusterObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0
}

/** The body may omit the name, but not have another one. */
function named(object: ClusterObject, name: string): ClusterObject {
  const given = object.metadata.name
  if (given === name) return object
  if (given !== '')
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`)
  return { ...object, metadata: { ...object.metadata, name } }
}
