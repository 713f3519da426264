import { setTimeout as wait } from 'node:timers/promises'
import { ApiError, type ObjectEvent, type OpenWatch } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { LonghornWatches } from '../e2e/longhorn-client.ts'
import type { SeenVersions } from './seen-versions.ts'
import { type VerdictOracle, versionOf } from './verdict-oracle.ts'

/** A watch of another kind may tell of an earlier write by so much later, in milliseconds. */
const patienceMs = 3_000
const everyMs = 200

/** Tells the oracle of all writes of nodes and images, in the order in which etcd has committed them, and when each came. */
export class History {
  /** How often a watch broke, so that writes may have gone unseen and the oracle had to begin anew. */
  gaps = 0
  readonly #watches: LonghornWatches
  readonly #oracle: VerdictOracle
  readonly #seen: SeenVersions
  readonly #over: Promise<void>
  #coming: { readonly at: number; readonly event: ObjectEvent }[] = []
  #opened: readonly OpenWatch[] = []
  #isStopped = false

  constructor(watches: LonghornWatches, oracle: VerdictOracle, seen: SeenVersions) {
    this.#watches = watches
    this.#oracle = oracle
    this.#seen = seen
    this.#over = this.#follow()
  }

  /** Judges what has come, and ends. */
  async stop(): Promise<void> {
    await wait(patienceMs)
    this.#isStopped = true
    await this.#over
  }

  async #follow(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#opened.length === 0) this.#open()
      await wait(everyMs)
      this.#tell(performance.now() - patienceMs)
    }
    this.#tell(Infinity)
    this.#close()
  }

  /** Tries again a little later while the API server is away. */
  #open(): void {
    const sink = {
      changed: (event: ObjectEvent) => {
        const at = performance.now()
        this.#seen.note(event.object, at)
        this.#coming.push({ at, event })
      },
      broken: () => this.#break(),
    }
    const opened: OpenWatch[] = []
    try {
      for (const resource of [resources.Node, resources.BackingImage])
        opened.push(this.#watches.watch(resource, 'longhorn-system', sink))
    } catch (error) {
      for (const watch of opened) watch.close()
      if (!(error instanceof ApiError)) throw error
      return
    }
    this.#opened = opened
    const objects = opened.flatMap((each) => each.objects)
    for (const object of objects) this.#seen.note(object, performance.now())
    this.#oracle.begin(objects)
  }

  #tell(until: number): void {
    const sorted = this.#coming.toSorted((a, b) => versionOf(a.event.object) - versionOf(b.event.object))
    while (sorted[0] !== undefined && sorted[0].at <= until) {
      const next = sorted.shift()
      if (next) this.#oracle.happened(next.event)
    }
    this.#coming = sorted
  }

  #break(): void {
    if (this.#opened.length === 0) return
    this.gaps += 1
    // What came before is whole.
    this.#tell(Infinity)
    this.#close()
  }

  #close(): void {
    for (const watch of this.#opened) watch.close()
    this.#opened = []
  }
}
