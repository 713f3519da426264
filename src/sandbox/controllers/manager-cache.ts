import type { Kind } from '../../longhorn/kinds.ts'
import type { Clock } from '../../time/clock.ts'
import type { ClusterObject, Watch } from '../cluster-client.ts'
import { type Snapshot, snapshotOf } from './cluster-view.ts'
import { ChangingLag, Informer, longestLagOf } from './informer.ts'
import type { LonghornOptions, Pauses } from './options.ts'
import { resources } from './resources.ts'
import type { Part, Writer } from './writer.ts'

/** The parts of a manager's cache. */
interface ManagerCacheModules {
  readonly watch: Watch
  readonly clock: Clock
  readonly options: LonghornOptions
  /** The cache of this kind has changed, by this object or by a whole list. */
  readonly onChange: (kind: Kind, changed: ClusterObject | undefined) => void
}

/**
 * Everything that one node's manager reads. Each kind has a separate informer with a separate lag. So a
 * manager may see a later write to an image before an earlier one to its node.
 */
export class ManagerCache {
  readonly #informers: Readonly<Record<Kind, Informer>>
  #snapshot: Snapshot | undefined

  constructor({ watch, clock, options, onChange }: ManagerCacheModules) {
    const { namespace, random } = options
    const backOff = {
      restartMs: options.relistMs,
      maxRestartMs: options.maxRelistMs,
      healthyMs: options.relistHealthyMs,
    }
    const informer = (kind: Kind) =>
      new Informer(resources[kind], {
        ...{ watch, namespace, clock, random, backOff },
        lag: new ChangingLag(longestLagOf(options.informerLagMs, kind), random),
        onChange: (changed) => {
          this.#snapshot = undefined
          onChange(kind, changed)
        },
      })
    this.#informers = {
      Node: informer('Node'),
      BackingImage: informer('BackingImage'),
      BackingImageDataSource: informer('BackingImageDataSource'),
      BackingImageManager: informer('BackingImageManager'),
      Replica: informer('Replica'),
      Setting: informer('Setting'),
    }
  }

  /** True once each kind has been listed: a manager does not work before. */
  get synced(): boolean {
    return Object.values(this.#informers).every(({ synced }) => synced)
  }

  /** Everything in the caches now. */
  get now(): Snapshot {
    const { Node, BackingImage, BackingImageDataSource, BackingImageManager, Replica, Setting } =
      this.#informers
    this.#snapshot ??= snapshotOf({
      Node: [...Node.objects.values()],
      BackingImage: [...BackingImage.objects.values()],
      BackingImageDataSource: [...BackingImageDataSource.objects.values()],
      BackingImageManager: [...BackingImageManager.objects.values()],
      Replica: [...Replica.objects.values()],
      Setting: [...Setting.objects.values()],
    })
    return this.#snapshot
  }

  /** One object in the cache now. */
  find(kind: Kind, name: string): ClusterObject | undefined {
    return this.#informers[kind].objects.get(name)
  }

  /** Starts empty, like a new pod. */
  start(): void {
    for (const informer of Object.values(this.#informers)) informer.start()
  }

  /** Drops everything, like a pod that ends. */
  stop(): void {
    for (const informer of Object.values(this.#informers)) informer.stop()
    this.#snapshot = undefined
  }
}

/**
 * Writes an object that a manager has made from its cache. The write carries the cached version, so a stale
 * one conflicts. After a write the manager waits for a limited time until its cache shows it, then goes on
 * with the cache as it is (`verifyUpdate`, Longhorn v1.8.0 datastore/longhorn.go: looks 20 times, 100 ms
 * apart).
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

  /** @returns false if it was denied, the cache was stale, or the object is gone: the caller retries */
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

/** Longhorn too compares versions as numbers. */
function versionOf({ metadata }: ClusterObject): number {
  return Number(metadata.resourceVersion)
}
