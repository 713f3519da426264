import { object } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { type ClusterControllerModules, ControllerLoop } from './controller-loop.ts'
import { disksForImage } from './copy-placement.ts'
import { Deadlines, type Progress } from './copy-status.ts'
import {
  type DataSourceObject,
  type Disk,
  type ImageObject,
  newCopy,
  readImage,
  withSpecs,
} from './objects.ts'
import { apiVersion, resources } from './resources.ts'

/**
 * Longhorn's part that makes an image's first file (longhorn.md §2 o5). The data source chooses a disk. The
 * file appears in the image's status, then its key in spec, then the data source is done.
 */
export class DataSourceController {
  /** Starts, wakes and stops it. */
  readonly loop: ControllerLoop
  readonly #modules: ClusterControllerModules
  readonly #deadlines = new Map<string, Deadlines>()
  readonly #refusals = new Map<string, number>()

  constructor(modules: ClusterControllerModules) {
    this.#modules = modules
    this.loop = new ControllerLoop(modules, {
      name: 'list the data sources',
      sync: () => this.#sync(),
      nameTask: (key) => `make the first file of image ${key}`,
    })
  }

  async #sync(): Promise<void> {
    const { view, managers, clock } = this.#modules
    if (managers.anyLive() === undefined) return
    const snapshot = await view.current()
    for (const known of [this.#deadlines, this.#refusals]) {
      for (const name of known.keys()) if (!snapshot.images.has(name)) known.delete(name)
    }
    for (const image of snapshot.images.values()) {
      const source = snapshot.dataSources.get(image.name)
      if (image.terminating || source?.fileTransferred) continue
      const deadlines = this.#deadlines.get(image.name) ?? new Deadlines(clock)
      this.#deadlines.set(image.name, deadlines)
      this.loop.startTask(image.name, async () => {
        if (!source) await this.#create(image, snapshot)
        else await this.#advance(image, source, snapshot, deadlines)
        this.loop.wakeWithin(deadlines.nextMs)
      })
    }
  }

  /** Chooses a disk. After a denial it takes another one, since Longhorn's own choice varies too. */
  async #create(image: ImageObject, snapshot: Snapshot): Promise<void> {
    const { writer, options } = this.#modules
    const ready = disksOf(image, snapshot).filter(({ uuid }) => image.files.get(uuid)?.state === 'ready')
    const disks = [ready, disksOf(image, snapshot), disksForImage(image, snapshot)].find(
      ({ length }) => length > 0,
    )
    const refusals = this.#refusals.get(image.name) ?? 0
    const disk = disks?.[refusals % disks.length]
    if (!disk) return
    const wanted = dataSourceOn(disk, image, options.namespace, ready.length > 0)
    const written = await writer.create(resources.BackingImageDataSource, wanted)
    if (written === 'refused') this.#refusals.set(image.name, refusals + 1)
  }

  async #advance(
    image: ImageObject,
    source: DataSourceObject,
    snapshot: Snapshot,
    deadlines: Deadlines,
  ): Promise<void> {
    const { writer, options } = this.#modules
    const target = { resource: resources.BackingImageDataSource, name: image.name }
    const disk = snapshot.disks.get(source.diskUUID)
    if (!disk) {
      await this.#moveTo(disksForImage(image, snapshot)[0], image)
      return
    }
    if (!snapshot.runningDisks.has(source.diskUUID)) return
    const file = image.files.get(source.diskUUID)
    const next = deadlines.round((progress) => ({
      state: stateNow(source, progress, options.copyMs),
      keyIsDue: file !== undefined && progress('key', options.specLagMs) === 1,
    }))
    await writer.edit(target, 'status', (newest) => ({
      ...newest,
      status: {
        ...object(newest.status),
        currentState: next.state.name,
        progress: next.state.percent,
        ownerID: disk.node,
      },
    }))
    if (next.keyIsDue && !image.specs.has(source.diskUUID)) {
      await writer.edit({ resource: resources.BackingImage, name: image.name }, 'main', (newest) => {
        const { specs } = readImage(newest)
        return specs.has(source.diskUUID)
          ? undefined
          : withSpecs(newest, new Map(specs).set(source.diskUUID, newCopy))
      })
    }
    if (file?.state === 'ready' && image.specs.has(source.diskUUID)) {
      await writer.edit(target, 'main', (newest) => ({
        ...newest,
        spec: { ...object(newest.spec), fileTransferred: true },
      }))
      await writer.edit(target, 'status', (newest) => ({
        ...newest,
        status: { ...object(newest.status), currentState: 'ready' },
      }))
    }
  }

  /** Its disk is gone: starts again on another one. */
  async #moveTo(disk: Disk | undefined, image: ImageObject): Promise<void> {
    if (!disk) return
    await this.#modules.writer.edit(
      { resource: resources.BackingImageDataSource, name: image.name },
      'main',
      (newest) => ({
        ...newest,
        spec: { ...object(newest.spec), nodeID: disk.node, diskUUID: disk.uuid, diskPath: disk.path },
      }),
    )
  }
}

/** The disks that the creator of the image asked for. */
function disksOf(image: ImageObject, snapshot: Snapshot): Disk[] {
  return [...image.specs.keys()].flatMap((uuid) => snapshot.disks.get(uuid) ?? [])
}

function stateNow(
  source: DataSourceObject,
  progress: Progress,
  copyMs: number,
): { readonly name: string; readonly percent: number } {
  if (source.currentState === '') return { name: 'starting', percent: 0 }
  if (source.currentState === 'ready-for-transfer') return { name: 'ready-for-transfer', percent: 100 }
  const share = progress('file', copyMs)
  return share === 1
    ? { name: 'ready-for-transfer', percent: 100 }
    : { name: 'in-progress', percent: Math.floor(share * 4) * 25 }
}

function dataSourceOn(disk: Disk, image: ImageObject, namespace: string, fileTransferred: boolean) {
  const spec = object(image.raw.spec)
  return {
    apiVersion,
    kind: 'BackingImageDataSource',
    metadata: {
      name: image.name,
      namespace,
      ownerReferences: [
        { apiVersion, kind: 'BackingImage', name: image.name, uid: image.raw.metadata.uid ?? '' },
      ],
    },
    spec: {
      nodeID: disk.node,
      diskUUID: disk.uuid,
      diskPath: disk.path,
      checksum: '',
      sourceType: spec.sourceType ?? 'download',
      parameters: spec.sourceParameters ?? {},
      fileTransferred,
    },
  }
}
