import { observe, type Observed } from '../../../src/commands/status/observe.ts'
import type { Status } from '../../../src/commands/status/status.ts'
import { noon, type TestCluster } from '../../fixtures/cluster.ts'

/** A synced replica of the guard for which no request waits, and which has no clean-up and no settling node to name. */
export const quietReplica = {
  replica: 'a',
  version: '1',
  synced: true,
  holds: 0,
  mode: null,
  release: null,
  settle: undefined,
  pendingCleanups: [],
  settling: [],
} as const

/** The status of an unguarded cluster, a minute and a half after noon, with the given options. */
export function look({ map }: TestCluster, options: Partial<Observed> = {}): Status {
  return observe({
    map,
    entries: [],
    guard: undefined,
    now: noon + 90_000,
    timeOfDay: options.now ?? noon + 90_000,
    watchingSince: undefined,
    only: new Set(),
    ...options,
  })
}
