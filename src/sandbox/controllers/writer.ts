import { isDeepStrictEqual } from 'node:util'
import { ApiError, type ClusterClient, type ClusterObject, type ResourceName } from '../cluster-client.ts'
import type { Report } from './report.ts'

/** The result of a write. After `refused` the next sync retries. */
type Written = 'written' | 'unchanged' | 'gone' | 'refused'

/** The written part of the object (longhorn.md §1: a status subresource). */
export type Part = 'main' | 'status'

/** Names one object. */
interface Target {
  readonly resource: ResourceName
  readonly name: string
}

/**
 * Writes as Longhorn's controllers do (longhorn.md §3): it retries a conflict at once, leaves a denial to the
 * next sync, and does not send a write without a change.
 */
export class Writer {
  readonly #client: ClusterClient
  readonly #namespace: string
  readonly #conflictRetries: number
  readonly #report: (report: Report) => void

  constructor(
    client: ClusterClient,
    options: { readonly namespace: string; readonly conflictRetries: number },
    report: (report: Report) => void,
  ) {
    this.#client = client
    this.#namespace = options.namespace
    this.#conflictRetries = options.conflictRetries
    this.#report = report
  }

  /**
   * Changes one object.
   *
   * @param change gets the newest version, again after each conflict; it returns undefined to leave it
   */
  async edit(
    target: Target,
    part: Part,
    change: (newest: ClusterObject) => ClusterObject | undefined,
  ): Promise<Written> {
    for (let attempt = 0; ; attempt++) {
      const newest = await this.#client.get(target.resource, this.#namespace, target.name)
      if (!newest) return 'gone'
      const wanted = change(newest)
      if (!wanted || isDeepStrictEqual(wanted, newest)) return 'unchanged'
      try {
        if (part === 'main') await this.#client.update(target.resource, wanted)
        else await this.#client.updateStatus(target.resource, wanted)
        return 'written'
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        if (error.status.code === 404) return 'gone'
        if (error.status.code === 409 && attempt < this.#conflictRetries) continue
        return this.#refused(verbs[part], target, error)
      }
    }
  }

  /**
   * Replaces one object at the version it was read at, once.
   *
   * @returns the stored object; undefined if the write was denied, or the object has changed or is gone
   */
  async replace(
    resource: ResourceName,
    wanted: ClusterObject,
    part: Part,
  ): Promise<ClusterObject | undefined> {
    try {
      if (part === 'main') return await this.#client.update(resource, wanted)
      return await this.#client.updateStatus(resource, wanted)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const { code } = error.status
      if (code !== 404 && code !== 409) {
        this.#refused(verbs[part], { resource, name: wanted.metadata.name }, error)
      }
      return undefined
    }
  }

  /** Creates an object; an existing one stays and counts as unchanged. */
  async create(resource: ResourceName, wanted: ClusterObject): Promise<Written> {
    try {
      await this.#client.create(resource, wanted)
      return 'written'
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status.reason === 'AlreadyExists') return 'unchanged'
      return this.#refused('create', { resource, name: wanted.metadata.name }, error)
    }
  }

  /** Deletes an object; a missing one counts as deleted. */
  async delete(target: Target): Promise<Written> {
    try {
      await this.#client.delete(target.resource, this.#namespace, target.name)
      return 'written'
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.status.code === 404) return 'gone'
      return this.#refused('delete', target, error)
    }
  }

  #refused(verb: string, target: Target, error: ApiError): 'refused' {
    this.#report({
      kind: 'refused',
      write: `${verb} ${target.resource.plural} ${target.name}`,
      status: error.status,
    })
    return 'refused'
  }
}

const verbs: Readonly<Record<Part, string>> = { main: 'update', status: 'update the status of' }
