import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Profile } from '../../longhorn/releases.ts'
import type { EvictionStep } from './next-step.ts'
import { findTarget, imagesLeft, remainsOn, type Target } from './remains.ts'

/** `does` while a step runs, `would` for a dry run. */
type Wording = 'does' | 'would'

/**
 * Describes a step in one line, for a person who waits or plans.
 *
 * @param now milliseconds by the monotonic clock
 */
export function explainEviction(step: EvictionStep, now: number, wording: Wording = 'does'): string {
  const verb = (does: string, would: string): string => (wording === 'does' ? does : `would ${would}`)
  const waiting = verb('waiting', 'wait')
  switch (step.step) {
    case 'wait-for-cleanup':
      return `${waiting} for ${count(step.cleanups.length, 'clean-up')} to end before the flag may go up: ${some(
        step.cleanups.map(({ image, diskUUID }) => `${image} on disk ${diskUUID}`),
      )}`
    case 'wait-for-notice':
      return `${waiting} about ${Math.max(0, Math.ceil((step.until - now) / 1_000))}s until Longhorn has noticed that the ${step.of === 'flag' ? 'flag is cleared, and the guard allows the removal of the copies' : 'clean-up has ended'}`
    case 'wait-for-room':
      return `${waiting} for room in the guard’s budget: ${step.problems.join('; ')}`
    case 'take-over':
      return `${verb('taking', 'take')} the note of a rescue away, since this eviction takes its place`
    case 'close':
      return `nothing is left: ${verb('closing', 'close')} it for scheduling, so that nothing new comes`
    case 'raise':
      return `${verb('closing', 'close')} the disks for scheduling, and ${wording === 'does' ? 'requesting' : 'request'} the eviction`
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
    case 'clear':
      return `nothing needs the flag now: ${verb('clearing', 'clear')} it, so that the flag of the next node may go up`
    case 'wait-for-drain':
      return step.cordoned
        ? `empty, ${waiting} for kubectl drain to move ${count(step.pods.length, 'pod')} away: ${some(step.pods)}`
        : `empty, ${waiting} for kubectl drain: the Kubernetes node is not cordoned yet`
    case 'drained':
      return 'drained: no pod is left but those of DaemonSets and of the kubelet'
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
export function outlineEviction(
  target: Target,
  map: DiskMapView,
  profile: Profile,
  next: EvictionStep,
): string[] {
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
