import { seed, type SeededCluster } from '../../src/sandbox/controllers/seed.ts'
import { binaries } from '../e2e/binaries.ts'
import { ask, longhornPath } from '../e2e/cluster.ts'
import type { Guards, Replica } from '../e2e/guards.ts'
import { LonghornClient } from '../e2e/longhorn-client.ts'
import { installed, RealCluster } from '../e2e/real-cluster.ts'
import { imageStart } from '../fixtures/image-start.ts'
import { holdfast } from '../fixtures/main.ts'
import { tellsLongestTurn } from './replica-figures.ts'
import { contentOf, type Size } from './size.ts'

/** An image without a wanted copy, whose clean-ups hold evictions. */
export const holding = 'holding'

/** A real API server with so many objects, and one replica. Nothing else works on them. */
export class LoadedCluster {
  readonly size: Size
  readonly cluster: RealCluster
  readonly guards: Guards
  readonly replica: Replica
  readonly seeded: SeededCluster
  /** From the start of the process to its first readiness, in milliseconds. */
  readonly readyMs: number

  private constructor(parts: Omit<LoadedCluster, 'stop' | 'patch' | 'cleanUpsOn'>) {
    this.size = parts.size
    this.cluster = parts.cluster
    this.guards = parts.guards
    this.replica = parts.replica
    this.seeded = parts.seeded
    this.readyMs = parts.readyMs
  }

  /** @param began gets the end of each part as soon as it runs, the latest last */
  static async start(size: Size, began: (end: () => Promise<void>) => void): Promise<LoadedCluster> {
    const cluster = await RealCluster.start(binaries())
    began(() => cluster.stop())
    const client = new LonghornClient(cluster.connection)
    const fillsFrom = performance.now()
    const seeded = await seed(client, Date.now(), contentOf(size))
    console.log(`# filled after ${((performance.now() - fillsFrom) / 1_000).toFixed(0)} s`)
    const yaml = await cluster.install('config.maxHolds=1000')
    const template = await cluster.podTemplate(yaml, installed)
    const { options, variables } = imageStart()
    const program = [...options, tellsLongestTurn, ...holdfast]
    const guards = await cluster.deployAs({ ...template, program, variables })
    began(() => guards.stop())
    const from = performance.now()
    const replica = await guards.add()
    const readyMs = performance.now() - from
    const loaded = new LoadedCluster({ size, cluster, guards, replica, seeded, readyMs })
    await ask(cluster, 'POST', longhornPath('backingimages'), {
      ...{ apiVersion: 'longhorn.io/v1beta2', kind: 'BackingImage' },
      metadata: { name: holding, namespace: 'longhorn-system' },
      spec: { diskFileSpecMap: {}, minNumberOfCopies: 1, sourceType: 'download', dataEngine: 'v1' },
    })
    return loaded
  }

  /** A merge patch of an object such as `nodes/node-1`. */
  async patch(object: string, body: object): Promise<unknown> {
    return await ask(this.cluster, 'PATCH', longhornPath(object), body)
  }

  /** Lets clean-ups be pending on the first disks of nodes, or ends them. */
  async cleanUpsOn(nodes: readonly string[], arePending: boolean): Promise<void> {
    const file = arePending ? { state: 'ready', progress: 100 } : null
    const diskFileStatusMap = Object.fromEntries(
      nodes.map((node) => [this.seeded.uuidOf(`${node}/disk-1`), file]),
    )
    await this.patch(`backingimages/${holding}/status`, { status: { diskFileStatusMap } })
  }
}
