import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Policy } from '../rules/policy.ts'
import type { Moment } from '../rules/rule.ts'
import { nextStep, type EvictionStep } from './next-step.ts'
import type { Target } from './target.ts'

/** What an eviction works with. */
export interface EvictionPorts {
  readonly map: DiskMapView
  readonly moment: () => Moment
  /** Asks for the eviction, or takes the flag down; resolves once the disk map shows it. */
  readonly write: (evictionRequested: boolean) => Promise<void>
  /** Resolves when the disk map may have changed, or at this time (milliseconds by the monotonic clock) if that is first. */
  readonly changed: (until?: number) => Promise<void>
  /** Told of each step, and again whenever what is waited for changes. */
  readonly tell: (step: EvictionStep) => void
}

/**
 * Carries an eviction through to its end. It remembers nothing: whoever interrupts it takes it up again by calling it
 * once more.
 *
 * @returns the last step: `done` or `impossible`
 * @throws what the ports throw
 */
export async function runEviction(
  target: Target,
  policy: Policy,
  { map, moment, write, changed, tell }: EvictionPorts,
): Promise<EvictionStep> {
  let told = ''
  for (;;) {
    const step = nextStep(target, map, { policy, ...moment() })
    const text = JSON.stringify(step)
    if (text !== told) tell(step)
    told = text
    switch (step.step) {
      case 'done':
      case 'impossible':
        return step
      case 'raise':
        await write(true)
        break
      case 'retreat':
      case 'lower':
        await write(false)
        break
      case 'wait-for-notice':
        await changed(step.until)
        break
      case 'wait-for-cleanup':
      case 'wait-for-replicas':
      case 'wait-for-copies':
      case 'wait-for-removal':
        await changed()
    }
  }
}
