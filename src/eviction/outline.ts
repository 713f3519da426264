import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Profile } from '../longhorn/profile.ts'
import type { EvictionStep } from './next-step.ts'
import { imagesLeft, remainsOn } from './remains.ts'
import { findTarget, type Target } from './target.ts'

/** What a whole eviction does, one sentence for each step that is still to come. */
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
      ['lower', 'take the flag down, so that no removal of a copy meets one'],
    )
  }
  if (profile !== 'none') {
    steps.push(['wait-for-removal', `wait until Longhorn has removed the copies (of ${images} now)`])
  }
  const at = steps.findIndex(([step]) => step === next.step)
  return steps.slice(Math.max(0, at)).map(([, text]) => text)
}
