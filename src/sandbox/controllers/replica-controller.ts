import { timestamp } from '../../time/clock.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { object } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { type ClusterControllerModules, ControllerLoop } from './controller-loop.ts'
import { disksForReplica } from './copy-placement.ts'
import { Deadlines } from './copy-status.ts'
import {
  type Disk,
  newCopy,
  readImage,
  replacementName,
  replicaLabels,
  type ReplicaObject,
  withSpecs,
} from './objects.ts'
import { resources } from './resources.ts'

/**
 * The part of Longhorn's volume and replica controllers in an eviction: they make a new replica on another
 * disk, bring its backing image there first, and delete the old one after the rebuild.
 */
export class ReplicaController {
  /** Starts, wakes and stops it. */
  readonly loop: ControllerLoop
  readonly #modules: ClusterControllerModules
  readonly #deadlines: Deadlines

  constructor(modules: ClusterControllerModules) {
    this.#modules = modules
    this.#deadlines = new Deadlines(modules.clock)
    this.loop = new ControllerLoop(modules, {
      name: 'list the replicas',
      sync: () => this.#sync(),
      nameTask: (key) => `sync replica ${key}`,
    })
  }

  async #sync(): Promise<void> {
    const { view, managers, options } = this.#modules
    if (managers.anyLive() === undefined) return
    const snapshot = await view.current()
    const rebuilt = this.#deadlines.round((progress) =>
      snapshot.replicas.filter(
        (replica) =>
          !replica.healthy && hasImage(replica, snapshot) && progress(replica.name, options.rebuildMs) === 1,
      ),
    )
    for (const replica of snapshot.replicas) {
      if (replica.terminating) continue
      this.loop.startTask(replica.name, () => this.#syncReplica(replica, snapshot, rebuilt.includes(replica)))
    }
    this.loop.wakeWithin(this.#deadlines.nextMs)
  }

  async #syncReplica(replica: ReplicaObject, snapshot: Snapshot, isRebuilt: boolean): Promise<void> {
    const { writer, clock } = this.#modules
    if (isRebuilt) {
      const healthyAt = timestamp(clock.now())
      await writer.edit({ resource: resources.Replica, name: replica.name }, 'main', (newest) => ({
        ...newest,
        spec: { ...object(newest.spec), healthyAt },
      }))
      return
    }
    if (!replica.healthy) await this.#askForImage(replica)
    else if (replica.evictionRequested) await this.#replace(replica, snapshot)
  }

  /** A replica that starts on a disk without its backing image asks for a copy there (longhorn.md §3). */
  async #askForImage(replica: ReplicaObject): Promise<void> {
    if (replica.backingImage === '') return
    await this.#modules.writer.edit(
      { resource: resources.BackingImage, name: replica.backingImage },
      'main',
      (newest) => {
        const image = readImage(newest)
        // A file with a pending clean-up has to go first, or it would count as the new one.
        if (image.terminating || image.specs.has(replica.diskID) || image.files.has(replica.diskID))
          return undefined
        return withSpecs(newest, new Map(image.specs).set(replica.diskID, newCopy))
      },
    )
  }

  async #replace(replica: ReplicaObject, snapshot: Snapshot): Promise<void> {
    const { writer } = this.#modules
    const name = replacementName(replica)
    const replacement = snapshot.replicas.find((other) => other.name === name)
    if (replacement?.healthy) {
      await writer.delete({ resource: resources.Replica, name: replica.name })
    } else if (!replacement) {
      const disk = disksForReplica(replica, snapshot)[0]
      if (disk) await writer.create(resources.Replica, replacementOn(disk, replica, name))
    }
  }
}

function hasImage(replica: ReplicaObject, snapshot: Snapshot): boolean {
  if (replica.backingImage === '') return true
  return snapshot.images.get(replica.backingImage)?.files.get(replica.diskID)?.state === 'ready'
}

function replacementOn(disk: Disk, replica: ReplicaObject, name: string): ClusterObject {
  const { apiVersion, kind, metadata, spec } = replica.raw
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      labels: replicaLabels(replica.backingImage, disk.uuid),
    },
    spec: {
      ...object(spec),
      nodeID: disk.node,
      diskID: disk.uuid,
      diskPath: disk.path,
      evictionRequested: false,
      healthyAt: '',
    },
  }
}
