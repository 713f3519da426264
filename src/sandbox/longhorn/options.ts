import type { DiskUUIDs } from './disk-uuid.ts'
import { diskUUIDFromPath } from './disk-uuid.ts'

/** How the miniature behaves. Times are short, so that an eviction can be watched; the real ones are named. */
export interface LonghornOptions {
  /** Longhorn's own namespace. */
  readonly namespace: string
  /** Between two full syncs without a change. Really 30,000. */
  readonly syncMs: number
  /** From a change to the sync it causes; gathers the changes of one burst. */
  readonly reactMs: number
  /** Profile C's requeue while a clean-up is pending. Really next to nothing. */
  readonly requeueMs: number
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
}

/** Quick enough to watch, slow enough to see each state. */
export const defaultOptions: LonghornOptions = {
  namespace: 'longhorn-system',
  syncMs: 500,
  reactMs: 10,
  requeueMs: 100,
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
}
