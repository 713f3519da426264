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

const releasePattern = /^v?(\d+)\.(\d+)\.(\d+|x)(-.+)?$/

/**
 * The profile of a release as Longhorn writes it in its setting `current-longhorn-version`: `v1.8.0`, `v1.8.0-rc1`.
 * A branch build (`v1.9.x-head`) can be any commit of its line, so it counts as a pre-release of the line's first.
 * Unknown, absent or unreadable (`master-head`) is A: the rules then hold back too much, never too little.
 */
export function profileOf(release: string | undefined): Profile {
  const parts = releasePattern.exec(release ?? '')
  if (!parts) return 'A'
  const [, major, minor, patch, suffix] = parts
  const version: Version = [Number(major), Number(minor), patch === 'x' ? 0 : Number(patch)]
  const row = rowOf(version)
  const isEarly = patch === 'x' || suffix !== undefined
  return isEarly && compare(row.from, version) === 0 ? row.preRelease : row.profile
}

/** The last row that begins at or before this version. */
function rowOf(version: Version): Row {
  return rows.reduce((found, row) => (compare(row.from, version) <= 0 ? row : found), oldest)
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}
