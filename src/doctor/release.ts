import { findLonghorn, hasLonghorn, noLonghornIn } from '../disk-map/has-longhorn.ts'
import { assumption, fixedRelease, profileOf } from '../longhorn/profile.ts'
import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'

/** What the release of Longhorn does when an eviction meets a pending clean-up (longhorn.md §2). */
export function checkRelease({ map, names, policies }: Pick<Facts, 'map' | 'names' | 'policies'>): Finding[] {
  if ('problem' in map) return [notKnown('release', 'The Longhorn release could not be read.', map.problem)]
  if (!hasLonghorn(map.seen)) {
    return [
      problem('error', 'release', {
        what: noLonghornIn(names.longhornNamespace),
        why: 'A guard that looks there is not ready, and guards no Longhorn elsewhere.',
        remedy: findLonghorn,
      }),
    ]
  }
  const told = map.seen.release
  // What Longhorn does not say the guard may have been told.
  const release = fixedRelease(told) === undefined ? (namedToAll(policies) ?? told) : told
  const profile = profileOf(release)
  const fixed = fixedRelease(release)
  if (release === undefined || fixed === undefined) {
    return [
      problem('warn', 'release', {
        what: assumption(release),
        why: 'Then more is held back than may be needed.',
        remedy: `Look: kubectl -n ${names.longhornNamespace} get settings.longhorn.io current-longhorn-version. Or name the release to the guard: longhornRelease in its configuration.`,
      }),
    ]
  }
  switch (profile) {
    case 'A':
    case 'B':
      return [
        problem('warn', 'release', {
          what: `Longhorn ${release} crashes the longhorn-manager of a node when an eviction meets a pending clean-up on ${profile === 'A' ? 'any disk of it' : 'an evicted disk'} (profile ${profile}).`,
          why: 'Only the guard stands between the two; what is written while it does not answer can crash a manager.',
          remedy: `Move Longhorn to ${fixed}; not every newer release is better. Ask first: holdfast doctor --target ${fixed}`,
        }),
      ]
    case 'C':
      return [
        ok('release', `Longhorn ${release} does not crash when an eviction meets a clean-up (profile C).`),
      ]
    case 'none':
      return [
        ok(
          'release',
          `Longhorn ${release} does not evict backing images. When it moves on, go to ${fixed}: releases between crash.`,
        ),
      ]
  }
}

/** The release that every replica of the guard was told to judge for; undefined if they were not, or not the same. */
function namedToAll(policies: Facts['policies']): string | undefined {
  if ('problem' in policies) return undefined
  const [named, ...others] = new Set(policies.seen.map(({ release }) => release))
  return others.length > 0 ? undefined : (named ?? undefined)
}
