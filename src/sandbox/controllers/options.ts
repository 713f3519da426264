import type { Clock } from '../../time/clock.ts'
import type { InformerLag } from './informer.ts'
import { diskUUIDFromPath, type DiskUUIDs } from './resources.ts'

/**
 * Options of the miniature. Times are short, so that people can watch an eviction; the comments name the real
 * ones.
 */
export interface LonghornOptions {
  /** Longhorn's own namespace. */
  readonly namespace: string
  /** Between two full syncs without a change. In Longhorn 30,000. */
  readonly syncMs: number
  /**
   * How often a manager's disk monitor looks at the flags of its node. In Longhorn 30,000: a new flag gets to
   * the crashing code with the next look, and images alone start no sync. Undefined: both get there at once,
   * so that no dangerous state comes and goes unseen between two syncs.
   */
  readonly monitorMs: number | undefined
  /** From a change to its sync; collects the changes of one burst. */
  readonly reactMs: number
  /** A manager's pause between reading its node and the automatic clean-up. In Longhorn 10–50. */
  readonly stepsMs: number
  /**
   * From the end of a requeued sync to the next one. In Longhorn zero, but its client sends at most 50
   * requests a second (types.KubeAPIQPS), and profile C waits a few milliseconds.
   */
  readonly requeueMs: number
  /**
   * The longest lag of each manager's caches, separate for each kind. In Longhorn a few, but see {@link
   * relistMs}.
   */
  readonly informerLagMs: InformerLag
  /**
   * First pause before a broken watch lists again. It doubles each time, and jitter adds up to the same.
   * client-go's own.
   */
  readonly relistMs: number
  /** Longest pause before a broken watch lists again, without jitter. client-go's own. */
  readonly maxRelistMs: number
  /**
   * A watch that breaks this long after the previous one starts again with the first pause. client-go's own.
   */
  readonly relistHealthyMs: number
  /** How often a manager looks for its own write in its cache before it goes on. Longhorn's own. */
  readonly verifyAttempts: number
  /** Between two such looks. Longhorn's own. */
  readonly verifyMs: number
  /** To copy an image to another disk, and to make its first file. In Longhorn minutes. */
  readonly copyMs: number
  /**
   * From the removal of a copy's key to the end of its clean-up. In Longhorn 1,000–5,000 (longhorn.md §2).
   */
  readonly drainMs: number
  /** How long an image's first file is in status before its key is in spec (longhorn.md §2 o5). */
  readonly specLagMs: number
  /** To rebuild a replica on another disk. In Longhorn minutes. */
  readonly rebuildMs: number
  /**
   * How long a copy must be unused before it is cleaned up; undefined for the setting's value, in minutes.
   */
  readonly cleanupWaitMs: number | undefined
  /** First pause of CrashLoopBackOff; it doubles with each crash. The kubelet's own value. */
  readonly restartMs: number
  /** Longest pause of CrashLoopBackOff. The kubelet's own value. */
  readonly maxRestartMs: number
  /** A manager that ran this long starts again with the first pause. The kubelet's own value. */
  readonly healthyMs: number
  /** Retries of a write after conflicts; then the next sync retries. */
  readonly conflictRetries: number
  /** The source of UUIDs for new disks. */
  readonly diskUUID: DiskUUIDs
  /** From 0 to 1: decides the lags, and the pauses before a new list. */
  readonly random: () => number
}

/** Fast enough to watch, slow enough to see each state. */
export const defaultOptions: LonghornOptions = {
  namespace: 'longhorn-system',
  syncMs: 500,
  monitorMs: undefined,
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

/** Pauses within a sync, which all end at once when the sync has to end. */
export class Pauses {
  readonly #clock: Clock
  readonly #ends = new Set<() => void>()
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param ms 0 for no pause */
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

  /** Ends running pauses, and skips later ones. */
  end(): void {
    this.#ended = true
    for (const end of this.#ends) end()
  }

  /** Allows pauses again. */
  begin(): void {
    this.#ended = false
  }
}
