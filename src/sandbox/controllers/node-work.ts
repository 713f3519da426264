import { isDeepStrictEqual } from 'node:util'
import { profileOf } from '../../longhorn/releases.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { flag, type JsonObject, object } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import type { ControllerModules } from './controller-loop.ts'
import type { CachedWriter, ManagerCache } from './manager-cache.ts'
import { backingImageManager, type ImageObject, type NodeObject, withSpecs } from './objects.ts'
import { resources } from './resources.ts'

/** Minutes until an unused copy is cleaned up, if the setting is missing. */
const defaultCleanupMinutes = 60

/**
 * Whether a step did all its work. A failed write does not end the sync, but another sync follows at once.
 */
type StepResult = 'done' | 'again'

/**
 * The steps of a node manager's full sync. Each step uses the node that the sync began with, and reads
 * everything else from the caches when it begins (Longhorn v1.8.0 controller/node_controller.go).
 */
export class NodeWork {
  readonly #modules: ControllerModules
  readonly #cache: ManagerCache
  readonly #writer: CachedWriter

  constructor(modules: ControllerModules, cache: ManagerCache, writer: CachedWriter) {
    this.#modules = modules
    this.#cache = cache
    this.#writer = writer
  }

  /**
   * Ensures a backing image manager for each disk. In Longhorn the image's controller makes one for the first
   * copy. Here it exists from the beginning, and goes with its disk, so this reads the cluster and not the
   * caches.
   */
  async keepBackingImageManagers(node: NodeObject): Promise<void> {
    const { view, writer, options } = this.#modules
    const { backingImageManagers } = await view.current()
    for (const disk of node.disks) {
      if (disk.uuid === '' || backingImageManagers.has(disk.uuid)) continue
      const wanted = backingImageManager(disk, options.namespace)
      await writer.create(resources.BackingImageManager, wanted)
      await writer.edit(
        { resource: resources.BackingImageManager, name: wanted.metadata.name },
        'status',
        (newest) => ({
          ...newest,
          status: { ...object(newest.status), currentState: 'running', ownerID: node.name },
        }),
      )
    }
    const uuids = new Set(node.disks.map((disk) => disk.uuid))
    for (const [uuid, manager] of backingImageManagers) {
      if (manager.nodeID === node.name && !uuids.has(uuid)) {
        await writer.delete({ resource: resources.BackingImageManager, name: manager.name })
      }
    }
  }

  /**
   * The automatic clean-up of unused copies on this node (longhorn.md §2 o3). A denied write requeues the
   * node at once and the sync goes on (`cleanUpBackingImagesInDisks`: enqueueNode, continue).
   */
  async cleanUpUnused(node: NodeObject): Promise<StepResult> {
    const { now: snapshot } = this.#cache
    const uuids = node.disks.flatMap(({ uuid }) => (uuid === '' ? [] : [uuid]))
    const unusedBefore = this.#modules.clock.now() - this.#cleanupWaitMs(snapshot)
    let result: StepResult = 'done'
    for (const image of snapshot.images.values()) {
      if (!snapshot.dataSources.get(image.name)?.fileTransferred || image.terminating) continue
      const wanted = withoutUnused(image, uuids, unusedBefore)
      if (wanted.size === image.specs.size) continue
      const written = await this.#writer.update('BackingImage', withSpecs(image.raw, wanted), 'main')
      if (!written) result = 'again'
    }
    return result
  }

  /** Passes the eviction flags of disks on to their replicas (`syncReplicaEvictionRequested`). */
  async requestReplicaEviction(node: NodeObject): Promise<StepResult> {
    const evicting = new Map(node.disks.map((disk) => [disk.uuid, disk.evicting]))
    let result: StepResult = 'done'
    for (const { diskID, evictionRequested, raw } of this.#cache.now.replicas) {
      const wanted = evicting.get(diskID)
      if (diskID === '' || wanted === undefined || wanted === evictionRequested) continue
      const marked = { ...raw, spec: { ...object(raw.spec), evictionRequested: wanted } }
      if (!(await this.#writer.update('Replica', marked, 'main'))) result = 'again'
    }
    return result
  }

  /**
   * Passes the eviction flags of disks on to their copies, cleared ones too. Once the last flag of the node
   * is cleared it does nothing, so the copies stay marked (longhorn.md §4). Releases of profile none never do
   * it.
   *
   * (Releases of A and B write each copy at every sync, changed or not; those writes are left out.)
   */
  async requestCopyEviction(node: NodeObject): Promise<StepResult> {
    const { now: snapshot } = this.#cache
    if (!node.flagged || profileOf(snapshot.release) === 'none') return 'done'
    let result: StepResult = 'done'
    for (const image of snapshot.images.values()) {
      const specs = new Map(image.specs)
      for (const disk of node.disks) {
        const copy = specs.get(disk.uuid)
        // Longhorn finds the copies of a disk in status, so it marks a planned one only once it appears
        // there.
        if (!copy || !image.files.has(disk.uuid) || flag(copy.evictionRequested) === disk.evicting) continue
        specs.set(disk.uuid, { ...copy, evictionRequested: disk.evicting })
      }
      const wanted = withSpecs(image.raw, specs)
      if (isDeepStrictEqual(wanted, image.raw)) continue
      if (!(await this.#writer.update('BackingImage', wanted, 'main'))) result = 'again'
    }
    return result
  }

  /** Writes the status that the sync has made, as the last step, like syncNode. */
  async writeStatus(before: ClusterObject, inHand: ClusterObject): Promise<StepResult> {
    if (isDeepStrictEqual(before.status, inHand.status)) return 'done'
    return (await this.#writer.update('Node', inHand, 'status')) ? 'done' : 'again'
  }

  #cleanupWaitMs(snapshot: Snapshot): number {
    const minutes = Number(
      snapshot.settings.get('backing-image-cleanup-wait-interval') ?? defaultCleanupMinutes,
    )
    return this.#modules.options.cleanupWaitMs ?? minutes * 60_000
  }
}

/**
 * The `spec.diskFileSpecMap` without the copies on these disks that are unused for long enough, as the node's
 * automatic clean-up wants it (longhorn.md §2 o3). It keeps ready copies up to `minNumberOfCopies`. If those
 * are too few, it keeps copies in progress too, then failed ones.
 *
 * @param diskUUIDs the disks of the node that cleans up
 * @param unusedBefore milliseconds since 1970: a copy unused since before then may go
 */
function withoutUnused(
  image: ImageObject,
  diskUUIDs: readonly string[],
  unusedBefore: number,
): ReadonlyMap<string, JsonObject> {
  const specs = new Map(image.specs)
  const counts = { ready: 0, handled: 0, failed: 0 }
  for (const uuid of specs.keys()) counts[standing(image, uuid)]++
  for (const uuid of diskUUIDs) {
    const since = image.unusedSince.get(uuid)
    if (!specs.has(uuid) || since === undefined || !(Date.parse(since) < unusedBefore)) continue
    const kind = standing(image, uuid)
    const enough = {
      ready: counts.ready,
      handled: counts.ready + counts.handled,
      failed: counts.ready + counts.handled + counts.failed,
    }
    if (image.minNumberOfCopies >= enough[kind]) continue
    counts[kind]--
    specs.delete(uuid)
  }
  return specs
}

function standing(image: ImageObject, uuid: string): 'ready' | 'handled' | 'failed' {
  const state = image.files.get(uuid)?.state
  if (state === 'ready' || state === 'ready-for-transfer') return 'ready'
  return state === 'failed' ? 'failed' : 'handled'
}
