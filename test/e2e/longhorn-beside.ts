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
    const status = { ...object(found.status), currentState }
    await this.client.updateStatus(resources.BackingImageManager, { ...found, status })
  }

  /** The status of an image says that a copy is on this disk, which spec does not ask for. */
  async aheadOfSpec(name: string, diskUUID: string): Promise<void> {
    const found = await this.client.get(resources.BackingImage, namespace, name)
    if (!found) throw new Error(`there is no image ${name}`)
    const status = object(found.status)
    const [file] = entries(status.diskFileStatusMap).values()
    const diskFileStatusMap = { ...object(status.diskFileStatusMap), [diskUUID]: file }
    await this.client.updateStatus(resources.BackingImage, {
      ...found,
      status: { ...status, diskFileStatusMap },
    })
  }

  /** The pods of the managers, for messages. */
  async pods(): Promise<string> {
    return JSON.stringify(await this.client.list(pods, namespace))
  }
}
