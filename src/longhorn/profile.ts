import { releasesIn, type Release } from './release.ts'

/**
 * What a Longhorn release does with an eviction while a clean-up is pending (longhorn.md §2), the most dangerous
 * first: A crashes for any disk of the node, B for the evicted disks, C only requeues, `none` never evicts images.
 */
export type Profile = 'A' | 'B' | 'C' | 'none'

/** All profiles, the most dangerous first. */
export const profiles: readonly Profile[] = ['A', 'B', 'C', 'none']

type Version = readonly [major: number, minor: number, patch: number]

interface Row {
  readonly from: Version
  readonly profile: Profile
  readonly preRelease: Profile
}

/** Before 1.7.0 backing images were not evicted at all. */
const oldest: Row = { from: [0, 0, 0], profile: 'none', preRelease: 'none' }

/**
 * From which release on a line behaves how. A pre-release of a row's first release may still lack the change that
 * makes the row, so it counts as what came before, when that is the more dangerous.
 */
const rows: readonly Row[] = [
  { from: [1, 7, 0], profile: 'A', preRelease: 'A' },
  { from: [1, 7, 4], profile: 'C', preRelease: 'A' },
  { from: [1, 8, 0], profile: 'A', preRelease: 'A' },
  // Published as fixed, but it guards only the cancel branch (longhorn/longhorn #10464, then #11034).
  { from: [1, 8, 1], profile: 'B', preRelease: 'A' },
  { from: [1, 8, 2], profile: 'C', preRelease: 'B' },
  { from: [1, 9, 0], profile: 'B', preRelease: 'A' },
  { from: [1, 9, 1], profile: 'C', preRelease: 'B' },
  { from: [1, 10, 0], profile: 'C', preRelease: 'B' },
]

/**
 * The profile of a release as Longhorn writes it in its setting `current-longhorn-version`: `v1.8.0`, `v1.8.0-rc1`.
 * A branch build (`v1.9.x-head`) can be any commit of its line, so it counts as a pre-release of the line's first.
 * Unknown, absent or unreadable (`master-head`) is A: the rules then hold back too much, never too little.
 */
export function profileOf(release: string | undefined): Profile {
  return judgedRelease(release)?.profile ?? 'A'
}

/** True for what names no release: it is judged as the most dangerous. */
export function isAssumed(release: string | undefined): boolean {
  return judgedRelease(release) === undefined
}

/** Says that such a release is not known, and what is assumed. @param release what Longhorn's setting says */
export function assumption(release: string | undefined): string {
  return `Longhorn says ${release === undefined ? 'nothing' : `"${release}"`} of its release, so the worst is assumed (profile ${profileOf(release)}).`
}

/** The release that a text is judged as, the most dangerous of those that it may mean; undefined if it names none. */
export function judgedRelease(
  text: string | undefined,
): { readonly release: Release; readonly profile: Profile } | undefined {
  const judged = releasesIn(text ?? '').map((release) => ({ release, profile: profileOfRelease(release) }))
  return judged.toSorted((a, b) => profiles.indexOf(a.profile) - profiles.indexOf(b.profile))[0]
}

function profileOfRelease({ major, minor, patch, early }: Release): Profile {
  const version: Version = [major, minor, patch]
  const row = rowOf(version)
  return early && compare(row.from, version) === 0 ? row.preRelease : row.profile
}

/** The last row that begins at or before this version. */
function rowOf(version: Version): Row {
  return rows.reduce((found, row) => (compare(row.from, version) <= 0 ? row : found), oldest)
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
