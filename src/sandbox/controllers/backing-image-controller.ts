import { profileOf } from '../../longhorn/releases.ts'
import type { ClusterObject } from '../cluster-client.ts'
import { amount, object, text } from '../json.ts'
import type { Snapshot } from './cluster-view.ts'
import { type ClusterControllerModules, ControllerLoop } from './controller-loop.ts'
import { CopySlots, wantedSpecs } from './copy-placement.ts'
import { Deadlines, filesNow, unusedSinceNow } from './copy-status.ts'
import { type ImageObject, readImage, withSpecs } from './objects.ts'
import { resources } from './resources.ts'

const finalizer = 'longhorn.io'

/** The size of every image of the sandbox, in bytes. */
const imageSize = 671_088_640

/**
 * Longhorn's BackingImageController: keeps enough copies, ends evictions, and updates status from spec. The
 * manager that owns an image (`status.ownerID`) works on it. If that manager is down, another one takes over.
 *
 * Separate tasks write spec and status. A spec write that admission holds must not delay the clean-up that
 * would release it. (Longhorn's one worker does wait; the result is the same, only later.)
 */
export class BackingImageController {
  /** Starts, wakes and stops it. */
  readonly loop: ControllerLoop
  readonly #modules: ClusterControllerModules
  readonly #slots = new CopySlots()
  readonly #deadlines = new Map<string, Deadlines>()

  constructor(modules: ClusterControllerModules) {
    this.#modules = modules
    this.loop = new ControllerLoop(modules, {
      name: 'list the backing images',
      sync: () => this.#sync(),
      nameTask: (key) => `sync the ${key}`,
    })
  }

  async #sync(): Promise<void> {
    const snapshot = await this.#modules.view.current()
    for (const name of this.#deadlines.keys()) {
      if (snapshot.images.has(name)) continue
      this.#deadlines.delete(name)
      this.#slots.keepOnly(name, () => false)
    }
    for (const image of snapshot.images.values()) {
      const deadlines = this.#deadlines.get(image.name) ?? new Deadlines(this.#modules.clock)
      this.#deadlines.set(image.name, deadlines)
      this.loop.startTask(`status of image ${image.name}`, () =>
        this.#syncStatus(image.name, snapshot, deadlines),
      )
      this.loop.startTask(`spec of image ${image.name}`, () => this.#syncSpec(image, snapshot))
    }
  }

  async #syncStatus(name: string, snapshot: Snapshot, deadlines: Deadlines): Promise<void> {
    const { writer, managers, clock, options } = this.#modules
    await writer.edit({ resource: resources.BackingImage, name }, 'status', (newest) => {
      const image = readImage(newest)
      if (!managers.isLive(image.ownerID)) return ownedBy(managers.anyLive(), newest)
      const now = clock.now()
      const files = deadlines.round((progress) =>
        filesNow(image, { snapshot, progress, times: options, slots: this.#slots, now }),
      )
      const unusedSince = image.terminating ? image.unusedSince : unusedSinceNow(image, snapshot, now)
      return withStatus(newest, {
        diskFileStatusMap: Object.fromEntries(files),
        diskLastRefAtMap: Object.fromEntries(unusedSince),
      })
    })
    this.loop.wakeWithin(deadlines.nextMs)
  }

  async #syncSpec(seen: ImageObject, snapshot: Snapshot): Promise<void> {
    const { writer, managers } = this.#modules
    if (!managers.isLive(seen.ownerID)) return
    const target = { resource: resources.BackingImage, name: seen.name }
    if (seen.terminating) {
      if (seen.files.size > 0) return
      await writer.delete({ resource: resources.BackingImageDataSource, name: seen.name })
      await writer.edit(target, 'main', withoutFinalizer)
      return
    }
    const profile = profileOf(snapshot.release)
    await writer.edit(target, 'main', (newest) => {
      const image = readImage(newest)
      if (image.terminating || image.specs.size === 0) return undefined
      return withSpecs(newest, wantedSpecs(image, snapshot, profile === 'C'))
    })
  }
}

function ownedBy(manager: string | undefined, newest: ClusterObject): ClusterObject | undefined {
  return manager === undefined ? undefined : withStatus(newest, { ownerID: manager })
}

function withStatus(newest: ClusterObject, changed: Readonly<Record<string, unknown>>): ClusterObject {
  const status = object(newest.status)
  return {
    ...newest,
    status: {
      ...status,
      uuid: text(status.uuid) || newest.metadata.name.slice(0, 8),
      size: amount(status.size) || imageSize,
      ...changed,
    },
  }
}

function withoutFinalizer(newest: ClusterObject): ClusterObject | undefined {
  const finalizers = newest.metadata.finalizers?.filter((name) => name !== finalizer) ?? []
  return { ...newest, metadata: { ...newest.metadata, finalizers } }
}
