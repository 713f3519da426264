import { ApiError, type ResourceName } from '../../src/sandbox/cluster-client.ts'
import { Longhorn } from '../../src/sandbox/controllers/longhorn.ts'
import type { LonghornOptions } from '../../src/sandbox/controllers/options.ts'
import { pods, resources } from '../../src/sandbox/controllers/resources.ts'
import type { Report } from '../../src/sandbox/controllers/report.ts'
import type { SeedOptions } from '../../src/sandbox/controllers/seed-objects.ts'
import { seed, type SeededCluster } from '../../src/sandbox/controllers/seed.ts'
import { entries, object } from '../../src/sandbox/json.ts'
import { LonghornClient, LonghornWatches } from './longhorn-client.ts'
import type { RealCluster } from './real-cluster.ts'

const namespace = 'longhorn-system'
/** How often a status is written before a conflict counts. */
const mostTries = 100

/** Quick, and slow enough for a process to be killed meanwhile. */
const times: Partial<LonghornOptions> = {
  ...{ syncMs: 300, copyMs: 200, drainMs: 300, rebuildMs: 200 },
  ...{ restartMs: 300, maxRestartMs: 600 },
}

/** Longhorn's controllers in miniature, before a real API server. */
export class LonghornBeside {
  readonly longhorn: Longhorn
  readonly seeded: SeededCluster
  readonly client: LonghornClient
  readonly watches: LonghornWatches

  private constructor(
    longhorn: Longhorn,
    seeded: SeededCluster,
    client: LonghornClient,
    watches: LonghornWatches,
  ) {
    this.longhorn = longhorn
    this.seeded = seeded
    this.client = client
    this.watches = watches
  }

  /**
   * Fills the cluster with nodes and images, and begins. Nobody denies that yet.
   *
   * @param options in place of the times that are set here
   * @param report called for everything that happens inside Longhorn
   */
  static async start(
    cluster: RealCluster,
    what: Partial<SeedOptions>,
    options: Partial<LonghornOptions> = {},
    report: (report: Report) => void = () => undefined,
  ): Promise<LonghornBeside> {
    const client = new LonghornClient(cluster.connection)
    // Pods need an account, which the controller manager would make.
    await cluster.must(['create', 'serviceaccount', 'default', '-n', namespace])
    const seeded = await seed(client, Date.now(), what)
    const watches = await LonghornWatches.start(cluster.connection, Object.values(resources))
    const longhorn = new Longhorn(
      {
        client,
        watch: watches.watch,
        subscribe: (listener) => watches.subscribe(listener),
        report,
      },
      { ...times, ...options },
    )
    longhorn.start()
    return new LonghornBeside(longhorn, seeded, client, watches)
  }

  async stop(): Promise<void> {
    await this.longhorn.stop()
    await this.watches.stop()
  }

  /** Without a running manager nothing is deleted from the disk: a clean-up there does not end. */
  async setBackingImageManager(diskUUID: string, currentState: 'running' | 'unknown'): Promise<void> {
    const managers = await this.client.list(resources.BackingImageManager, namespace)
    const found = managers.find((manager) => object(manager.spec).diskUUID === diskUUID)
    if (!found) throw new Error(`no backing image manager has disk ${diskUUID}`)
    await this.#editStatus(resources.BackingImageManager, found.metadata.name, () => ({ currentState }))
  }

  /** The status of an image says that a copy is on this disk, which spec does not ask for. */
  async aheadOfSpec(name: string, diskUUID: string): Promise<void> {
    await this.#editStatus(resources.BackingImage, name, ({ diskFileStatusMap }) => {
      const [file] = entries(diskFileStatusMap).values()
      return { diskFileStatusMap: { ...object(diskFileStatusMap), [diskUUID]: file } }
    })
  }

  /** The pods of the managers, for messages. */
  async pods(): Promise<string> {
    return JSON.stringify(await this.client.list(pods, namespace))
  }

  /** Changes fields of a status. The controllers write too: after a conflict it does so again, from the newest version. */
  async #editStatus(
    resource: ResourceName,
    name: string,
    change: (status: ReturnType<typeof object>) => object,
  ): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const found = await this.client.get(resource, namespace, name)
      if (!found) throw new Error(`there is no ${name} among the ${resource.plural}`)
      const status = object(found.status)
      try {
        await this.client.updateStatus(resource, { ...found, status: { ...status, ...change(status) } })
        return
      } catch (error) {
        if (tries === mostTries || !(error instanceof ApiError && error.status.code === 409)) throw error
      }
    }
  }
}
