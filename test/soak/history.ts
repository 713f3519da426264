import { setTimeout as wait } from 'node:timers/promises'
import { ApiError, type ObjectEvent, type OpenWatch } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { LonghornWatches } from '../e2e/longhorn-client.ts'
import type { SeenVersions } from './seen-versions.ts'
import { type VerdictOracle, versionOf } from './verdict-oracle.ts'

/** Between two looks. */
const usualMs = 200
/**
 * A watch of another kind may tell of an earlier write by so many looks later: three seconds. Looks are counted, since a
 * machine that stands still shows neither watch anything meanwhile.
 */
const patience = 15

/** Tells the oracle of all writes of nodes and images, in the order in which etcd has committed them, and when each came. */
export class History {
  /** How often a watch broke, so that writes may have gone unseen and the oracle had to begin anew. */
  gaps = 0
  readonly #watches: Pick<LonghornWatches, 'watch'>
  readonly #oracle: Pick<VerdictOracle, 'begin' | 'happened'>
  readonly #seen: SeenVersions
  readonly #pause: () => Promise<unknown>
  readonly #over: Promise<void>
  /** What has come, and at which look. */
  #coming: { readonly at: number; readonly event: ObjectEvent }[] = []
  #looks = 0
  #opened: readonly OpenWatch[] = []
  /** The last look. */
  #until = Infinity

  constructor(
    watches: Pick<LonghornWatches, 'watch'>,
    oracle: Pick<VerdictOracle, 'begin' | 'happened'>,
    seen: SeenVersions,
    pause: () => Promise<unknown> = () => wait(usualMs),
  ) {
    this.#pause = pause
    this.#watches = watches
    this.#oracle = oracle
    this.#seen = seen
    this.#over = this.#follow()
  }

  /** Judges what has come, and ends. */
  async stop(): Promise<void> {
    this.#until = this.#looks + patience
    await this.#over
  }

  async #follow(): Promise<void> {
    while (this.#looks < this.#until) {
      if (this.#opened.length === 0) this.#open()
      await this.#pause()
      this.#looks += 1
      this.#tell(this.#looks - patience)
    }
    this.#tell(Infinity)
    this.#close()
  }

  /** Tries again a little later while the API server is away. */
  #open(): void {
    const sink = {
      changed: (event: ObjectEvent) => {
        this.#seen.note(event.object, performance.now())
        this.#coming.push({ at: this.#looks, event })
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
