import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { type EvictionCircumstances, type EvictionStep, nextEvictionStep } from './next-step.ts'
import type { Target } from './remains.ts'

/** What an eviction works with. */
interface EvictionPorts {
  readonly map: DiskMapView
  readonly circumstances: () => EvictionCircumstances
  /**
   * Asks for the eviction as soon as it is its turn; resolves once the disk map shows it, or at once if that is no longer
   * what comes next.
   */
  readonly raise: (isNext: () => boolean) => Promise<void>
  /** Takes the note of a rescue away, as far as it is about the target; resolves once the disk map shows it. */
  readonly takeOver: () => Promise<void>
  /** Closes the target for scheduling; resolves once the disk map shows it. */
  readonly close: () => Promise<void>
  /** Takes the flag down, at once; resolves once the disk map shows it. */
  readonly lower: () => Promise<void>
  /** Resolves when the disk map may have changed, or at this time (milliseconds by the monotonic clock) if that is first. */
  readonly changed: (until?: number) => Promise<void>
  /** Told of the step at each look. */
  readonly onStep: (step: EvictionStep) => void
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
  { map, circumstances, takeOver, close, raise, lower, changed, onStep }: EvictionPorts,
): Promise<EvictionStep> {
  const next = (): EvictionStep => nextEvictionStep(target, map, circumstances())
  for (;;) {
    const step = next()
    onStep(step)
    switch (step.step) {
      case 'done':
      case 'impossible':
        return step
      case 'take-over':
        await takeOver()
        break
      case 'close':
        await close()
        break
      case 'raise':
        await raise(() => next().step === 'raise')
        break
      case 'retreat':
      case 'lower':
      case 'clear':
        await lower()
        break
      case 'wait-for-notice':
        await changed(step.until)
        break
      case 'wait-for-cleanup':
      case 'wait-for-room':
      case 'wait-for-replicas':
      case 'wait-for-copies':
      case 'wait-for-removal':
      case 'wait-for-drain':
      case 'drained':
        await changed()
    }
  }
}
