import { timestamp } from '../../../time/clock.ts'
import type { ClusterObject } from '../../cluster-client.ts'
import { textAt } from '../../json.ts'
import { conflict, invalid, notFound, timedOut } from '../failure.ts'
import type { RequestContext, Target, WriteOptions } from '../http/request.ts'
import { namespaces, resources } from '../resources.ts'
import type { Selection } from '../store/list.ts'
import { nextGeneration } from './prepare.ts'
import type { WriteModules } from './writes.ts'

/** The result of a deletion. */
interface Deletion {
  /** Its last state. */
  readonly object: ClusterObject
  /** The object that was reviewed. */
  readonly before: ClusterObject
  /** False while it waits for its finalizers. */
  readonly gone: boolean
}

/**
 * Deletes objects. One with finalizers gets a `deletionTimestamp`, and goes with its last finalizer. Known
 * limit: owner references are ignored, so every propagation policy has the same effect.
 */
export class Deletes {
  readonly #modules: WriteModules

  constructor(modules: WriteModules) {
    this.#modules = modules
  }

  /** @throws ApiError 404, 409 for a failed precondition or a namespace in use, or a webhook's denial */
  delete(target: Target, how: WriteOptions, context: RequestContext): Promise<Deletion> {
    return this.#delete(target, target.name, how, context)
  }

  /**
   * Deletes every selected object of a collection; each review has no name (kubernetes.md, The request).
   *
   * @returns the objects as they were before the deletion
   */
  async deleteCollection(
    target: Target,
    selection: Selection,
    how: WriteOptions,
    context: RequestContext,
  ): Promise<readonly ClusterObject[]> {
    const { resource, namespace } = target
    const objects = this.#modules.store
      .list(resource, resource.namespaced ? namespace : undefined)
      .filter(selection)
    const deleted: ClusterObject[] = []
    for (const { metadata } of objects) {
      // Another client may have been quicker.
      if (!this.#modules.store.get(resource, namespace, metadata.name)) continue
      const { before } = await this.#delete({ ...target, name: metadata.name }, '', how, context)
      deleted.push(before)
    }
    return deleted
  }

  async #delete(
    { resource, namespace, name }: Target,
    reviewedName: string,
    { dryRun, options }: WriteOptions,
    context: RequestContext,
  ): Promise<Deletion> {
    const { store, admission, clock } = this.#modules
    for (;;) {
      const current = store.get(resource, namespace, name)
      if (!current) throw notFound(resource, name)
      this.#checkPreconditions({ resource, namespace, name, subresource: undefined }, current, options)
      await admission.admit(
        {
          ...{ operation: 'DELETE', resource, subresource: undefined, namespace, name: reviewedName },
          ...{ object: undefined, oldObject: current, user: context.user, dryRun, options },
        },
        context,
      )
      const gone = (current.metadata.finalizers ?? []).length === 0
      const last = gone ? current : terminating(current, timestamp(clock.now()))
      // A second deletion of the same object is reviewed, but changes nothing.
      if (dryRun || (!gone && last === current)) return { object: last, before: current, gone }
      const stored = gone ? store.remove(resource, current) : store.replace(resource, current, last)
      if (stored) return { object: stored, before: current, gone }
      if (clock.now() >= context.deadlineMs)
        throw timedOut(`${resource.plural} "${name}" kept changing meanwhile`)
    }
  }

  #checkPreconditions(
    { resource, name }: Target,
    current: ClusterObject,
    options: WriteOptions['options'],
  ): void {
    const policy = textAt(options, 'propagationPolicy')
    if (!['', 'Background', 'Foreground', 'Orphan'].includes(policy))
      throw invalid({ group: 'meta.k8s.io', plural: 'deleteoptions', kind: 'DeleteOptions' }, '', [
        { field: 'propagationPolicy', message: `Unsupported value: "${policy}"` },
      ])
    for (const field of ['uid', 'resourceVersion'] as const) {
      const wanted = textAt(options, 'preconditions', field)
      const stored = current.metadata[field] ?? ''
      if (wanted !== '' && wanted !== stored)
        throw conflict(
          resource,
          name,
          `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${stored}`,
        )
    }
    if (resource === namespaces) this.#checkEmpty(name)
  }

  /** Known limit: the server does not empty a namespace, so it has to be empty. */
  #checkEmpty(namespace: string): void {
    const left = resources.filter(
      (resource) => resource.namespaced && this.#modules.store.list(resource, namespace).length > 0,
    )
    if (left.length === 0) return
    const why = `it still has ${left.map(({ plural }) => plural).join(', ')}; the embedded cluster does not empty a namespace, delete them first`
    throw conflict(namespaces, namespace, why)
  }
}

function terminating(current: ClusterObject, now: string): ClusterObject {
  if (current.metadata.deletionTimestamp !== undefined) return current
  const generation = current.metadata.generation === undefined ? {} : { generation: nextGeneration(current) }
  return {
    ...current,
    metadata: { ...current.metadata, ...generation, deletionTimestamp: now, deletionGracePeriodSeconds: 0 },
  }
}
