/**
 * The behaviour of a Longhorn release in an eviction while a clean-up is pending (longhorn.md §2), the most
 * dangerous first. A crashes for any disk of the node, B for the evicted disks, C only requeues, `none` never
 * evicts images.
 */
export type Profile = 'A' | 'B' | 'C' | 'none'

/** All profiles, the most dangerous first. */
export const profiles: readonly Profile[] = ['A', 'B', 'C', 'none']

/** What a release does, in a few words behind its name. */
export const profileWords: Readonly<Record<Profile, string>> = {
  A: 'crashes if an eviction meets a clean-up on any disk of the node',
  B: 'crashes if an eviction meets a clean-up on the same disk',
  C: 'does not crash',
  none: 'does not evict backing images',
}

type Version = readonly [major: number, minor: number, patch: number]

interface Row {
  readonly from: Version
  readonly profile: Profile
  readonly preRelease: Profile
}

/** Releases before 1.7.0 do not evict backing images. */
const oldest: Row = { from: [0, 0, 0], profile: 'none', preRelease: 'none' }

/**
 * The first release of each behaviour, by line. A pre-release of a row's first release may still lack the
 * change that makes the row. So it counts as the row before, if that is more dangerous.
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
 * The profile of a release as Longhorn writes it in its setting `current-longhorn-version`: `v1.8.0`,
 * `v1.8.0-rc1`. A branch build (`v1.9.x-head`) can be any commit of its line, so it counts as a pre-release
 * of the line's first. An unknown, absent or unreadable release (`master-head`) is A: the rules then stop too
 * much, never too little.
 */
export function profileOf(release: string | undefined): Profile {
  if (latest.release !== release) latest = { release, profile: judgedRelease(release)?.profile ?? 'A' }
  return latest.profile
}

/** The last one that was asked for: a cluster has one release, and each record names its profile. */
let latest: { readonly release: string | undefined; readonly profile: Profile } = {
  release: undefined,
  profile: 'A',
}

/** The newest line of releases that docs/facts/longhorn.md describes. */
const newestLine = { major: 1, minor: 12 }

/** Its name: `v1.12`. */
export const newestKnown = `v${newestLine.major}.${newestLine.minor}`

/**
 * How far a release is known. `newer`: it is of a later line than {@link newestKnown}, so it counts as that line. `unnamed`: the
 * text names no release, so it counts as the most dangerous profile.
 */
export function knowledgeOf(release: string | undefined): 'known' | 'newer' | 'unnamed' {
  const named = releasesIn(release ?? '')
  if (named.length === 0) return 'unnamed'
  const isNewer = ({ major, minor }: Release) => (major - newestLine.major || minor - newestLine.minor) > 0
  return named.some(isNewer) ? 'newer' : 'known'
}

/** True for a release whose behaviour is assumed, since it is not known. */
export function isAssumed(release: string | undefined): boolean {
  return knowledgeOf(release) !== 'known'
}

/**
 * Says that such a release is not known, and names the assumption of Holdfast.
 *
 * @param release the value of Longhorn's setting
 */
export function assumption(release: string | undefined): string {
  const profile = profileOf(release)
  if (release !== undefined && knowledgeOf(release) === 'newer')
    return `Longhorn ${release} is newer than this version of Holdfast knows, so it is judged as ${newestKnown} (profile ${profile}).`
  return `Longhorn says ${release === undefined ? 'nothing' : `"${release}"`} of its release, so the worst is assumed (profile ${profile}).`
}

/**
 * The release that a text is judged as: the most dangerous of its possible meanings; undefined if it names
 * none.
 */
function judgedRelease(
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

/**
 * True for a release from this version on, its own pre-releases and each build of its line included, and for a
 * text that names none.
 */
export function isFrom(release: string | undefined, [major, minor, patch]: Version): boolean {
  const named = releasesIn(release ?? '')
  return (
    named.length === 0 ||
    named.some((its) => {
      const isOfLine = its.major === major && its.minor === minor
      return (isOfLine && its.early) || compare([its.major, its.minor, its.patch], [major, minor, patch]) >= 0
    })
  )
}

/**
 * The first release of the same line on which an eviction during a clean-up is safe (longhorn.md §2). For a
 * release before backing images were evicted it is that of the oldest line that evicts them.
 *
 * @returns undefined for a release whose line is unknown
 */
export function fixedRelease(release: string | undefined): string | undefined {
  const line = judgedRelease(release)?.release
  if (!line) return undefined
  // Releases before 1.7 need no fix, and Longhorn upgrades line by line.
  const { major, minor } = profileOf(`v${line.major}.${line.minor}.0`) === 'none' ? oldestLine : line
  // One patch of every line in the table of longhorn.md §2 has the fix.
  let patch = 0
  while (profileOf(`v${major}.${minor}.${patch}`) !== 'C') patch += 1
  return `v${major}.${minor}.${patch}`
}

/** The first one that evicts backing images. */
const oldestLine = { major: 1, minor: 7 }

/** A release of Longhorn that a text names. */
interface Release {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** True for a build from before the release of that number: a release candidate, or any commit of the line. */
  readonly early: boolean
}

/**
 * The possible releases behind a text, as Longhorn, vendors and charts write them; README and
 * docs/releases.md have the table. A text with two releases, `v1.8.2+up1.8.1`, may mean either.
 *
 * - `v1.8.1`, `1.8.1`
 * - `v1.8.1-rc1`, `v1.8.1-dev-20250706`: from before that release
 * - `v1.8.x-head`: any commit of the line
 * - `v1.8.1-hotfix-1`, `v1.8.1-rancher1`, `v1.8.1+build7`: that release, and possibly without a fix that it
 *   lacks
 * - `105.1.0+up1.8.1`: a chart's number first, the release after it
 *
 * @returns none for a text that names no release: `master-head`, `latest`
 */
function releasesIn(text: string): readonly Release[] {
  const [, first = '', build = ''] = /^([^+_]*)(?:[+_](.+))?$/.exec(text) ?? []
  const upstream = /^up(.+)$/.exec(build)?.[1]
  if (build !== '' && !/^[\w.-]+$/.test(build)) return []
  const own = releaseOf(first, upstream === undefined ? build : '')
  if (upstream === undefined) return own && !isChart(own) ? [own] : []
  // Both have to be readable: an unreadable half may hide the dangerous one.
  const inner = releaseOf(upstream, '')
  if (!own || !inner || isChart(inner)) return []
  return isChart(own) ? [inner] : [own, inner]
}

/**
 * True for a text that names a release. Settings and flags must name one. Otherwise a typo would silently
 * count as the most dangerous.
 */
export function namesRelease(text: string): boolean {
  return releasesIn(text).length > 0
}

/** True for the same text, with or without the v in front. */
export function isSameText(one: string | undefined, other: string | undefined): boolean {
  return one?.replace(/^v/, '') === other?.replace(/^v/, '')
}

/** The form of such a text, for messages. */
export const releaseExamples = 'a release such as v1.8.0, v1.9.0-rc1 or v1.9.x-head'

const pattern = /^v?(\d+)\.(\d+)\.(\d+|x)(?:-([\w.-]+))?$/

function releaseOf(text: string, build: string): Release | undefined {
  const [, major, minor, patch, suffix = ''] = pattern.exec(text) ?? []
  if (patch === undefined) return undefined
  const early = patch === 'x' || isEarly(suffix) || isEarly(build)
  return { major: Number(major), minor: Number(minor), patch: patch === 'x' ? 0 : Number(patch), early }
}

/** Rancher's charts of Longhorn have numbers from 100 on, Longhorn itself from 1. */
function isChart({ major }: Release): boolean {
  return major >= 100
}

/**
 * True for a suffix of builds from before the release. A hotfix is built from the tag of its release, so
 * candidates of the hotfix are later than it too (longhorn/longhorn#11140, #11951, #12260). A vendor's suffix
 * says nothing about it.
 */
function isEarly(suffix: string): boolean {
  return !/^hotfix/i.test(suffix) && suffix.split(/[._-]/).some((word) => earlyWord.test(word))
}

const earlyWord =
  /^(?:rc|dev|devel|develop|development|head|alpha|beta|pre|prerelease|preview|nightly|daily|snapshot|canary|unstable|edge|trunk|master|main)\d*$/i
