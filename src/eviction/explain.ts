import type { EvictionStep } from './next-step.ts'

/** Whether a step is being taken, or would be: then this is a dry run. */
export type Telling = 'does' | 'would'

/** Says a step in one line, for a person who waits, or who only asks. @param now milliseconds by the monotonic clock */
export function explain(step: EvictionStep, now: number, telling: Telling = 'does'): string {
  const verb = (does: string, would: string): string => (telling === 'does' ? does : `would ${would}`)
  const waiting = verb('waiting', 'wait')
  switch (step.step) {
    case 'wait-for-cleanup':
      return `${waiting} for ${count(step.cleanups.length, 'clean-up')} to end before the flag may go up: ${some(
        step.cleanups.map(({ image, diskUUID }) => `${image} on disk ${diskUUID}`),
      )}`
    case 'wait-for-notice':
      return `${waiting} about ${Math.max(0, Math.ceil((step.until - now) / 1_000))}s until Longhorn has noticed that the ${step.of === 'flag' ? 'flag is down, and the guard lets the copies be removed' : 'clean-up has ended'}`
    case 'raise':
      return `${verb('closing', 'close')} the disks for scheduling, and ${telling === 'does' ? 'requesting' : 'request'} the eviction`
    case 'wait-for-replicas':
      return `${waiting} for Longhorn to move ${count(step.replicas.length, 'replica')} away: ${some(step.replicas)}`
    case 'wait-for-copies':
      return `${waiting} for a ready copy elsewhere of ${count(step.images.length, 'backing image')}: ${some(step.images)}`
    case 'retreat':
      return `${count(step.cleanups.length, 'clean-up')} began while the flag is up, which crashes the manager of the node: ${verb('taking', 'take')} the flag down until the end of it: ${some(
        step.cleanups.map(({ image, diskUUID }) => `${image} on disk ${diskUUID}`),
      )}`
    case 'lower':
      return `nothing needs the flag any more: ${verb('taking', 'take')} it down, so that the copies are removed without one`
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
