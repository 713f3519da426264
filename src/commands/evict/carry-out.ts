import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Profile } from '../../longhorn/releases.ts'
import type { Policy } from '../../rules/policy.ts'
import type { Moment } from '../../rules/rule.ts'
import { type EvictionStep, nextStep } from './next-step.ts'
import { findTarget, imagesLeft, remainsOn, type Target } from './remains.ts'

/** The parts of an eviction. */
interface EvictionPorts {
  readonly map: DiskMapView
  readonly moment: () => Moment
  /** Requests the eviction, or clears the flag; resolves once the disk map shows it. */
  readonly write: (evictionRequested: boolean) => Promise<void>
  /**
   * Resolves when the disk map may have changed, or at this time (milliseconds by the monotonic clock),
   * whichever is first.
   */
  readonly changed: (until?: number) => Promise<void>
  /** Called for each step, and again whenever the reason for its wait changes. */
  readonly tell: (step: EvictionStep) => void
}

/**
 * Carries an eviction through to its end. It stores no state: after an interruption, another call continues.
 *
 * @returns the last step: `done` or `impossible` @throws the errors of the ports
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

/** True while a step runs; false for a dry run. */
type Telling = 'does' | 'would'

/**
 * Describes a step in one line, for a person who waits or plans.
 *
 * @param now milliseconds by the monotonic clock
 */
export function explain(step: EvictionStep, now: number, telling: Telling = 'does'): string {
  const verb = (does: string, would: string): string => (telling === 'does' ? does : `would ${would}`)
  const waiting = verb('waiting', 'wait')
  switch (step.step) {
    case 'wait-for-cleanup':
      return `${waiting} for ${count(step.cleanups.length, 'clean-up')} to end before the flag may go up: ${some(
        step.cleanups.map(({ image, diskUUID }) => `${image} on disk ${diskUUID}`),
      )}`
    case 'wait-for-notice':
      return `${waiting} about ${Math.max(0, Math.ceil((step.until - now) / 1_000))}s until Longhorn has noticed that the ${step.of === 'flag' ? 'flag is cleared, and the guard allows the removal of the copies' : 'clean-up has ended'}`
    case 'raise':
      return `${verb('closing', 'close')} the disks for scheduling, and ${telling === 'does' ? 'requesting' : 'request'} the eviction`
    case 'wait-for-replicas':
      return `${waiting} for Longhorn to move ${count(step.replicas.length, 'replica')} away: ${some(step.replicas)}`
    case 'wait-for-copies':
      return `${waiting} for a ready copy elsewhere of ${count(step.images.length, 'backing image')}: ${some(step.images)}`
    case 'retreat':
      return `${count(step.cleanups.length, 'clean-up')} began while the flag is up, which crashes the manager of the node: ${verb('clearing', 'clear')} the flag until the clean-up ends: ${some(
        step.cleanups.map(({ image, diskUUID }) => `${image} on disk ${diskUUID}`),
      )}`
    case 'lower':
      return `nothing needs the flag now: ${verb('clearing', 'clear')} it, so that the copies are removed without one`
    case 'wait-for-removal':
      return `${waiting} for Longhorn to remove the copies of ${count(step.images.length, 'backing image')}: ${some(step.images)}`
    case 'done':
      return 'done: no replica and no copy is left'
    case 'impossible':
      return step.problems.join('\n')
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

function some(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ')
}

/** The rest of an eviction, one sentence for each step. */
export function outline(target: Target, map: DiskMapView, profile: Profile, next: EvictionStep): string[] {
  const found = findTarget(target, map)
  if (!found) return []
  const remains = remainsOn(found, map, profile)
  const [replicas, images] = [remains.replicas.length, imagesLeft(remains).length]
  const crashing = profile === 'A' || profile === 'B'
  const steps: [EvictionStep['step'], string][] = [
    ['wait-for-cleanup', 'wait until no clean-up is pending that a flag must not meet'],
    ['raise', 'close the disks for scheduling, and request the eviction'],
    ['wait-for-replicas', `wait until Longhorn has moved the replicas away (${replicas} now)`],
  ]
  if (crashing) {
    steps.push(
      ['wait-for-copies', `wait until each backing image has a ready copy elsewhere (${images} now)`],
      ['lower', 'clear the flag, so that no removal of a copy meets one'],
    )
  }
  if (profile !== 'none') {
    steps.push(['wait-for-removal', `wait until Longhorn has removed the copies (of ${images} now)`])
  }
  const at = steps.findIndex(([step]) => step === next.step)
  return steps.slice(Math.max(0, at)).map(([, text]) => text)
}
