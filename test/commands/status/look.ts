import { observe, type Observed } from '../../../src/commands/status/observe.ts'
import type { Status } from '../../../src/commands/status/status.ts'
import { noon, type TestCluster } from '../../fixtures/cluster.ts'

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
