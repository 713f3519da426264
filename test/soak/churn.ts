import { ask, longhornPath } from '../e2e/cluster.ts'
import type { Field } from './field.ts'

/** So many writes of status a second: Longhorn writes that of each node, and the progress of each copy. */
const perSecond = 10

/** Writes the status of nodes, and of images that nobody races for, at an even rate. */
export class Churn {
  /** Writes that were committed. */
  writes = 0
  readonly #timer: NodeJS.Timeout
  readonly #running = new Set<Promise<void>>()

  constructor({ cluster, places, bystanders }: Pick<Field, 'cluster' | 'places' | 'bystanders'>) {
    const nodes = places.flatMap((place) => place.nodes)
    let at = 0
    this.#timer = setInterval(() => {
      at += 1
      const lastPeriodicCheckedAt = new Date().toISOString()
      const [object, status] =
        at % 3 > 0
          ? [`nodes/${nodes[at % nodes.length] ?? ''}`, { snapshotCheckStatus: { lastPeriodicCheckedAt } }]
          : [`backingimages/${bystanders[at % bystanders.length] ?? ''}`, { size: at }]
      const done = ask(cluster, 'PATCH', `${longhornPath(object)}/status`, { status })
        .then(() => void (this.writes += 1))
        // The API server is away now and then.
        .catch(() => undefined)
        .finally(() => this.#running.delete(done))
      this.#running.add(done)
    }, 1_000 / perSecond)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#running)
  }
}
