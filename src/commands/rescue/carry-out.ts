import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { PatchAttempt } from '../../kubernetes/node-patch.ts'
import type { Flags } from '../../longhorn/rescue-note.ts'
import {
  type Ending,
  nextRescueStep,
  type RescueCircumstances,
  type RescueStep,
} from '../../rules/rescue/next-step.ts'

/** A step that writes the node. */
export type Write = Extract<RescueStep, { step: 'clear' | 'take-over' | 'raise' | 'forget' }>

/** What a rescue works with. */
interface RescuePorts {
  readonly map: DiskMapView
  readonly circumstances: () => Omit<RescueCircumstances, 'ending'>
  /** What the person wants of the flags. */
  readonly ending: Ending
  /** Writes the node once, and resolves once the disk map shows it, or it is told why not. */
  readonly write: (step: Write) => Promise<PatchAttempt>
  readonly pause: (ms: number) => Promise<void>
  /** Resolves when the cluster may have changed, or at this time (milliseconds by the monotonic clock) if that is first. */
  readonly changed: (until?: number) => Promise<void>
  /** Told of each step as often as it is looked at. */
  readonly onStep: (step: RescueStep) => void
  /** True if a guard is known to hold back what flags must not meet, or the person wants none. Asked once nothing but the flags is left to do. */
  readonly isGuarded: () => Promise<boolean>
  /** The same, asked once they are up: a dry run may tell only then. */
  readonly isHeld: (flags: Flags) => Promise<boolean>
}

/**
 * Carries the rescue of one node through to its end. It remembers nothing: whoever interrupts it takes it up again by
 * calling it once more.
 *
 * @returns the last step: `done`, `gone` or `blocked`
 * @throws what the ports throw
 */
export async function runRescue(name: string, ports: RescuePorts): Promise<RescueStep> {
  const { map, circumstances, write, pause, changed, onStep, isGuarded, isHeld } = ports
  let { ending } = ports
  for (;;) {
    const step = nextRescueStep(name, map, { ...circumstances(), ending })
    if (isBeforeFlags(step) && !(await isGuarded())) {
      ending = 'leave-noted'
      continue
    }
    onStep(step)
    switch (step.step) {
      case 'done':
      case 'gone':
      case 'blocked':
        return step
      case 'clear':
      case 'take-over':
      case 'raise':
      case 'forget': {
        const attempt = await write(step)
        if (attempt.outcome === 'later') await pause(attempt.ms)
        if (attempt.outcome === 'refused') {
          const blocked: RescueStep = { step: 'blocked', problems: [attempt.why] }
          onStep(blocked)
          return blocked
        }
        if (attempt.outcome === 'written' && step.step === 'raise') {
          // Flags go up once: what met a clean-up again right after that would do so for ever.
          ending = 'leave-noted'
          if (!(await isHeld(step.flags))) await takeBack(step.flags, ports)
        }
        break
      }
      case 'wait-for-notice':
        await changed(step.until)
        break
      case 'wait-for-cleanup':
      case 'wait-for-manager':
      case 'wait-for-rule':
        await changed()
    }
  }
}

/** Without a guard nothing that flags wait for is of interest. */
function isBeforeFlags({ step }: RescueStep): boolean {
  return step === 'raise' || step === 'wait-for-notice' || step === 'wait-for-rule'
}

/** Flags that no guard watches over go down again, for as long as it takes. */
async function takeBack(flags: Flags, { write, pause, onStep }: RescuePorts): Promise<void> {
  const step: Write = { step: 'clear', flags, cleanups: [] }
  onStep(step)
  for (;;) {
    const attempt = await write(step)
    if (attempt.outcome === 'written') return
    await pause(attempt.outcome === 'later' ? attempt.ms : 1_000)
  }
}
