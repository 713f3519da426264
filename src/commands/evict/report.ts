import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Clock } from '../../time/clock.ts'
import type { CommandSurroundings } from '../surroundings.ts'
import { updatingBlock } from '../updating-block.ts'
import { StepReport } from './step-report.ts'

/** What a person is told while nodes are emptied. */
export interface EvictionReport {
  /** Tells something that stays. */
  readonly note: (text: string) => void
  readonly show: StepReport['see']
  /** Takes the block away; what stays, stays. */
  readonly end: () => void
}

/** One block that is written anew where a person reads it on a terminal, and lines elsewhere. */
export async function openReport(
  map: DiskMapView,
  clock: Clock,
  { stderr, screen }: Pick<CommandSurroundings, 'stderr' | 'screen'>,
): Promise<EvictionReport> {
  if (screen.isTTY !== true) {
    const note = (text: string): void => void stderr.write(`${text}\n`)
    const report = new StepReport(map, () => clock.monotonic(), note)
    return { note, show: (target, step) => report.see(target, step), end: () => undefined }
  }
  const { show, above, end } = await updatingBlock(screen)
  const report = new StepReport(map, () => clock.monotonic(), above, show)
  let isOver = false
  let cancel: () => void = () => undefined
  const count = (): void => {
    report.refresh()
    cancel = clock.setTimer(paceMs, count)
  }
  count()
  return {
    note: above,
    show: (target, step) => report.see(target, step),
    end: () => {
      cancel()
      if (!isOver) end()
      isOver = true
    },
  }
}

/** Ages count in seconds. */
const paceMs = 1_000
