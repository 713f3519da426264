import { profileOf } from './profile.ts'

/** More patches than any line has had before it was put right. */
const mostPatches = 10

/**
 * The first release, of the same line or the next ones, that an eviction during a clean-up does not crash (longhorn.md
 * §2).
 *
 * @returns undefined for a release that does not say which line it is of
 */
export function fixedRelease(release: string | undefined): string | undefined {
  const parts = /^v?(\d+)\.(\d+)\./.exec(release ?? '')
  if (!parts) return undefined
  const line = { major: Number(parts[1]), minor: Number(parts[2]) }
  // Before 1.7 there is nothing to be put right, and Longhorn moves on line by line.
  const { major, minor: first } = profileOf(`v${line.major}.${line.minor}.0`) === 'none' ? oldestLine : line
  for (let minor = first; ; minor += 1) {
    for (let patch = 0; patch < mostPatches; patch += 1) {
      const candidate = `v${major}.${minor}.${patch}`
      if (profileOf(candidate) === 'C') return candidate
    }
  }
}

/** The first one that evicts backing images. */
const oldestLine = { major: 1, minor: 7 }
