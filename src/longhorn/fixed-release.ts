import { judgedRelease, profileOf } from './profile.ts'

/**
 * The first release of the same line that an eviction during a clean-up does not crash (longhorn.md
 * §2); of the oldest line that evicts backing images, for one before it.
 *
 * @returns undefined for a release that does not say which line it is of
 */
export function fixedRelease(release: string | undefined): string | undefined {
  const line = judgedRelease(release)?.release
  if (!line) return undefined
  // Before 1.7 there is nothing to be put right, and Longhorn moves on line by line.
  const { major, minor } = profileOf(`v${line.major}.${line.minor}.0`) === 'none' ? oldestLine : line
  // Every line of the table in longhorn.md §2 was put right by one of its patches.
  let patch = 0
  while (profileOf(`v${major}.${minor}.${patch}`) !== 'C') patch += 1
  return `v${major}.${minor}.${patch}`
}

/** The first one that evicts backing images. */
const oldestLine = { major: 1, minor: 7 }
