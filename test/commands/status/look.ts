import { observe, type Observed } from '../../../src/commands/status/observe.ts'
import type { Status } from '../../../src/commands/status/status.ts'
import { noon, type TestCluster } from '../../fixtures/cluster.ts'

/** What `status` sees of a cluster that nobody guards, a minute and a half after noon, but for the options. */
export function look({ map }: TestCluster, options: Partial<Observed> = {}): Status {
  return observe({
    map,
    pages: [],
    guard: undefined,
    now: noon + 90_000,
    timeOfDay: options.now ?? noon + 90_000,
    watchingSince: undefined,
    only: new Set(),
    ...options,
  })
}
