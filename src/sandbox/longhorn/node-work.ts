import { profileOf } from '../../longhorn/profile.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { flag, object } from '../json.ts'
import { backingImageManager } from './backing-image-manager-object.ts'
import type { ControllerModules } from './controller-modules.ts'
import type { Snapshot } from './cluster-view.ts'
import { readImage, withSpecs } from './image-object.ts'
import type { Disk, NodeObject } from './node-object.ts'
import { withNodeStatus } from './node-status.ts'
import { readReplica } from './replica-object.ts'
import { resources } from './resources.ts'
import { withoutUnused } from './unused-copies.ts'

/** Minutes until an unused copy is cleaned up, when the setting is missing. */
const defaultCleanupMinutes = 60

/** What a node's manager does in a full sync, step by step; each step reads and writes on its own. */
export class NodeWork {
  readonly #modules: ControllerModules

  constructor(modules: ControllerModules) {
    this.#modules = modules
  }

  /** Keeps `status.diskStatus` and the conditions in order. */
  async writeStatus(node: NodeObject, snapshot: Snapshot): Promise<void> {
    const { writer, options, clock } = this.#modules
    await writer.edit({ resource: resources.Node, name: node.name }, 'status', (newest) =>
      withNodeStatus(newest, { snapshot, diskUUID: options.diskUUID, now: clock.now() }),
    )
  }

  /**
   * Sees that each disk has a backing image manager. Really the image's controller makes one when the first copy is
   * wanted; here it is there from the beginning, and goes with its disk.
   */
  async keepBackingImageManagers(node: NodeObject, snapshot: Snapshot): Promise<void> {
    const { writer, options } = this.#modules
    for (const disk of node.disks) {
      if (disk.uuid === '' || snapshot.backingImageManagers.has(disk.uuid)) continue
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
    for (const [uuid, manager] of snapshot.backingImageManagers) {
      if (manager.nodeID === node.name && !uuids.has(uuid)) {
        await writer.delete({ resource: resources.BackingImageManager, name: manager.name })
      }
    }
  }

  /** The automatic clean-up of unused copies on this node (longhorn.md §2 o3). @returns true when it removed one */
  async cleanUpUnused(node: NodeObject, snapshot: Snapshot): Promise<boolean> {
    const { writer, clock } = this.#modules
    const uuids = node.disks.flatMap(({ uuid }) => (uuid === '' ? [] : [uuid]))
    const unusedBefore = clock.now() - this.#cleanupWaitMs(snapshot)
    let removed = false
    for (const image of snapshot.images.values()) {
      if (!snapshot.dataSources.get(image.name)?.fileTransferred || image.terminating) continue
      if (withoutUnused(image, uuids, unusedBefore).size === image.specs.size) continue
      const written = await writer.edit(
        { resource: resources.BackingImage, name: image.name },
        'main',
        (newest) => withSpecs(newest, withoutUnused(readImage(newest), uuids, unusedBefore)),
      )
      removed ||= written === 'written'
    }
    return removed
  }

  /** Hands the eviction flags of disks on to the replicas there. */
  async requestReplicaEviction(node: NodeObject, snapshot: Snapshot): Promise<void> {
    const evicting = new Map(node.disks.map((disk) => [disk.uuid, disk.evicting]))
    for (const { name, diskID, evictionRequested } of snapshot.replicas) {
      const wanted = evicting.get(diskID)
      if (diskID === '' || wanted === undefined || wanted === evictionRequested) continue
      await this.#modules.writer.edit({ resource: resources.Replica, name }, 'main', (newest) =>
        readReplica(newest).evictionRequested === wanted
          ? undefined
          : { ...newest, spec: { ...object(newest.spec), evictionRequested: wanted } },
      )
    }
  }

  /**
   * Hands the eviction flags of disks on to the copies there, down as well as up. When the last flag of the node has
   * gone it does nothing at all, so the copies stay marked (longhorn.md §4). Releases of profile none never do it.
   *
   * (Releases of A and B write each copy at every sync, changed or not; those writes are left out.)
   */
  async requestCopyEviction(node: NodeObject, snapshot: Snapshot): Promise<void> {
    if (!node.flagged || profileOf(snapshot.release) === 'none') return
    for (const disk of node.disks) {
      for (const image of snapshot.images.values()) {
        // Longhorn finds the copies of a disk in status; a planned one is marked once it stands there.
        if (!image.files.has(disk.uuid) || !image.specs.has(disk.uuid)) continue
        if (flag(image.specs.get(disk.uuid)?.evictionRequested) === disk.evicting) continue
        await this.#modules.writer.edit(
          { resource: resources.BackingImage, name: image.name },
          'main',
          (newest) => marked(newest, disk),
        )
      }
    }
  }

  #cleanupWaitMs(snapshot: Snapshot): number {
    const minutes = Number(
      snapshot.settings.get('backing-image-cleanup-wait-interval') ?? defaultCleanupMinutes,
    )
    return this.#modules.options.cleanupWaitMs ?? minutes * 60_000
  }
}

function marked(newest: ClusterObject, disk: Disk): ClusterObject | undefined {
  const { specs } = readImage(newest)
  const copy = specs.get(disk.uuid)
  return (
    copy && withSpecs(newest, new Map(specs).set(disk.uuid, { ...copy, evictionRequested: disk.evicting }))
  )
}
