import type { Kind } from '../../longhorn/kinds.ts'
import type { ClusterObject } from '../cluster-client.ts'
import type { ManagerCache } from './manager-cache.ts'
import type { LonghornOptions } from './options.ts'
import type { Pauses } from './pauses.ts'
import { resources } from './resources.ts'
import type { Part, Writer } from './writer.ts'

/**
 * Writes what a manager has made from its cache. The write carries the version of the cache, so a stale one is a
 * conflict. After a write the manager waits until its own cache shows it, but not for ever; then it goes on with what
 * the cache has (`verifyUpdate`, Longhorn v1.8.0 datastore/longhorn.go: looks 20 times, 100 ms apart).
 */
export class CachedWriter {
  readonly #writer: Writer
  readonly #cache: ManagerCache
  readonly #pauses: Pauses
  readonly #options: LonghornOptions

  constructor(writer: Writer, cache: ManagerCache, pauses: Pauses, options: LonghornOptions) {
    this.#writer = writer
    this.#cache = cache
    this.#pauses = pauses
    this.#options = options
  }

  /** @returns false when it was refused, or the cache was stale, or the object is gone: to be tried again */
  async update(kind: Kind, wanted: ClusterObject, part: Part): Promise<boolean> {
    const stored = await this.#writer.replace(resources[kind], wanted, part)
    if (!stored) return false
    const { verifyAttempts, verifyMs } = this.#options
    for (let attempt = 0; attempt < verifyAttempts; attempt++) {
      const cached = this.#cache.find(kind, wanted.metadata.name)
      if (!cached || versionOf(cached) >= versionOf(stored)) break
      await this.#pauses.wait(verifyMs)
    }
    return true
  }
}

/** Longhorn compares versions as numbers too. */
function versionOf({ metadata }: ClusterObject): number {
  return Number(metadata.resourceVersion)
}
