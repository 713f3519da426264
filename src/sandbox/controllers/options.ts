import type { Clock } from '../../time/clock.ts'
import type { InformerLag } from './informer.ts'
import { diskUUIDFromPath, type DiskUUIDs } from './resources.ts'

/** How the miniature behaves. Times are short, so that an eviction can be watched; the real ones are named. */
export interface LonghornOptions {
  /** Longhorn's own namespace. */
  readonly namespace: string
  /** Between two full syncs without a change. Really 30,000. */
  readonly syncMs: number
  /** From a change to the sync it causes; gathers the changes of one burst. */
  readonly reactMs: number
  /** What a manager does between reading its node and the automatic clean-up. Really 10–50. */
  readonly stepsMs: number
  /**
   * From the end of a sync that has to be done again to the next. Really nothing, but Longhorn's client sends at most 50
   * requests a second (types.KubeAPIQPS), and profile C waits a few milliseconds.
   */
  readonly requeueMs: number
  /** The longest lag of each manager's caches, each kind on its own. Really a few, but see {@link relistMs}. */
  readonly informerLagMs: InformerLag
  /** First pause before a broken watch lists again; it doubles each time, and jitter adds up to as much. client-go's own. */
  readonly relistMs: number
  /** Longest pause before a broken watch lists again, jitter apart. client-go's own. */
  readonly maxRelistMs: number
  /** A watch that broke this long after the one before starts again with the first pause. client-go's own. */
  readonly relistHealthyMs: number
  /** How often a manager looks for its own write in its cache before it goes on without. Longhorn's own. */
  readonly verifyAttempts: number
  /** Between two such looks. Longhorn's own. */
  readonly verifyMs: number
  /** To copy an image to another disk, and to make its first file. Really minutes. */
  readonly copyMs: number
  /** From the removal of a copy's key to the end of its clean-up. Really 1,000–5,000 (longhorn.md §2). */
  readonly drainMs: number
  /** How long an image's first file stands in status before its key comes into spec (longhorn.md §2 o5). */
  readonly specLagMs: number
  /** To rebuild a replica on another disk. Really minutes. */
  readonly rebuildMs: number
  /** How long a copy must be unused before it is cleaned up; undefined: as the setting says, in minutes. */
  readonly cleanupWaitMs: number | undefined
  /** First pause of CrashLoopBackOff; it doubles with each crash. The kubelet's own value. */
  readonly restartMs: number
  /** Longest pause of CrashLoopBackOff. The kubelet's own value. */
  readonly maxRestartMs: number
  /** A manager that ran this long starts again with the first pause. The kubelet's own value. */
  readonly healthyMs: number
  /** How often one write is tried again after a conflict, before the next sync does. */
  readonly conflictRetries: number
  /** Where a new disk gets its UUID. */
  readonly diskUUID: DiskUUIDs
  /** From 0 to 1: how long the lags are, and the pauses before a new list. */
  readonly random: () => number
}

/** Quick enough to watch, slow enough to see each state. */
export const defaultOptions: LonghornOptions = {
  namespace: 'longhorn-system',
  syncMs: 500,
  reactMs: 10,
  stepsMs: 10,
  requeueMs: 15,
  informerLagMs: 0,
  relistMs: 800,
  maxRelistMs: 30_000,
  relistHealthyMs: 120_000,
  verifyAttempts: 20,
  verifyMs: 100,
  copyMs: 2_000,
  drainMs: 2_000,
  specLagMs: 500,
  rebuildMs: 3_000,
  cleanupWaitMs: undefined,
  restartMs: 10_000,
  maxRestartMs: 300_000,
  healthyMs: 600_000,
  conflictRetries: 5,
  diskUUID: diskUUIDFromPath,
  random: Math.random,
}

/** Pauses within a sync, which all end at once when the sync is to come to its end. */
export class Pauses {
  readonly #clock: Clock
  readonly #ends = new Set<() => void>()
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param ms 0: no pause at all */
  async wait(ms: number): Promise<void> {
    if (ms === 0 || this.#ended) return
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel()
        this.#ends.delete(end)
        resolve()
      }
      const cancel = this.#clock.setTimer(ms, end)
      this.#ends.add(end)
    })
  }

  /** Ends those that run, and lets none begin. */
  end(): void {
    this.#ended = true
    for (const end of this.#ends) end()
  }

  /** There may be pauses again. */
  begin(): void {
    this.#ended = false
  }
}
