import { ApiFailure } from '../../src/kubernetes/client/failures.ts'
import {
  type RawCopy,
  type RawDisk,
  rawImage,
  type RawImageOptions,
  rawNode,
  type RawNodeOptions,
  rawSource,
  uuid,
} from '../fixtures/raw-objects.ts'
import { asKubectl } from './as-kubectl.ts'
import { ask, type Cluster, longhornPath } from './cluster.ts'

interface RawObject {
  readonly metadata: { readonly name: string }
  readonly spec?: object
  readonly value?: string
  readonly status?: object
}

/** The objects of one scenario. Names begin with that of the scenario, so that scenarios keep out of each other's way. */
export class World {
  readonly #cluster: Pick<Cluster, 'connection' | 'written'>
  readonly #images = new Set<string>()

  constructor(cluster: Pick<Cluster, 'connection' | 'written'>) {
    this.#cluster = cluster
  }

  async node(name: string, disks: readonly RawDisk[], options: RawNodeOptions = {}): Promise<void> {
    const node = rawNode(name, disks, options)
    const diskStatus = Object.fromEntries(
      Object.entries(node.status.diskStatus).map(([disk, status]) => [
        disk,
        { ...status, scheduledReplica: {}, storageAvailable: 0, storageMaximum: 0, storageScheduled: 0 },
      ]),
    )
    await this.#put('nodes', 'Node', {
      ...node,
      spec: {
        ...node.spec,
        instanceManagerCPURequest: 0,
        disks: Object.fromEntries(
          Object.entries(node.spec.disks).map(([disk, spec]) => [disk, { ...spec, diskDriver: '' }]),
        ),
      },
      status: { ...node.status, conditions: dated(node.status.conditions), diskStatus },
    })
  }

  async image(name: string, copies: readonly RawCopy[], options: RawImageOptions = {}): Promise<void> {
    this.#images.add(name)
    await this.#put('backingimages', 'BackingImage', rawImage(name, copies, options))
  }

  /** Deletes the images of a scenario whose nodes go: every eviction of another scenario would warn of them. */
  async forgetImages(): Promise<void> {
    for (const name of this.#images) {
      await ask(this.#cluster, 'DELETE', `${longhornPath('backingimages')}/${name}`).catch(
        (error: unknown) => {
          // Some have been deleted by their scenario.
          if (!(error instanceof ApiFailure && error.code === 404)) throw error
        },
      )
    }
    this.#images.clear()
  }

  /** The data source of an image whose first file is still being made on this disk. */
  async firstFile(image: string, disk: string, fileTransferred = false): Promise<void> {
    const source = rawSource(image, disk, fileTransferred)
    await this.#put('backingimagedatasources', 'BackingImageDataSource', source)
  }

  async replica(name: string, image: string, node: string, disk: string): Promise<void> {
    const spec = {
      backingImage: image,
      nodeID: node,
      diskID: uuid(disk),
      desireState: 'running',
      volumeSize: '1',
    }
    await this.#put('replicas', 'Replica', { metadata: { name }, spec })
  }

  /** The clean-up of a copy has come to its end. */
  async cleanedUp(image: string, disk: string): Promise<void> {
    const status = { diskFileStatusMap: { [uuid(disk)]: null } }
    await ask(this.#cluster, 'PATCH', `${longhornPath('backingimages')}/${image}/status`, { status })
  }

  async setting(name: string, value: string): Promise<void> {
    await this.#put('settings', 'Setting', { metadata: { name }, value })
  }

  async #put(plural: string, kind: string, object: RawObject): Promise<void> {
    const { status, ...rest } = object
    const { name } = object.metadata
    const metadata = { name, namespace: 'longhorn-system' }
    const path = longhornPath(plural)
    const made = { apiVersion: 'longhorn.io/v1beta2', kind, ...rest, metadata }
    // A guard whose watch of nodes is behind holds a node that is made with a flag up.
    await asKubectl(() => ask(this.#cluster, 'POST', path, made))
    if (status) await ask(this.#cluster, 'PATCH', `${path}/${name}/status`, { status })
    this.#cluster.written?.()
  }
}

function dated(conditions: readonly { type: string; status: string }[]) {
  const times = { lastProbeTime: '', lastTransitionTime: '', message: '', reason: '' }
  return conditions.map((condition) => ({ ...times, ...condition }))
}
