import type { Clock } from '../../time/clock.ts'
import type { ClusterView } from './cluster-view.ts'
import type { LiveManagers } from './live-managers.ts'
import type { LonghornOptions } from './options.ts'
import type { Report } from './report.ts'
import type { Writer } from './writer.ts'

/** What every controller is given. */
export interface ControllerModules {
  readonly view: ClusterView
  readonly writer: Writer
  readonly clock: Clock
  readonly options: LonghornOptions
  readonly report: (report: Report) => void
}

/** What the controllers are given that work for the whole cluster. */
export interface ClusterControllerModules extends ControllerModules {
  readonly managers: LiveManagers
}
