/** A release of Longhorn that a text names. */
export interface Release {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** True for a build from before the release of that number: a release candidate, or any commit of the line. */
  readonly early: boolean
}

/**
 * The releases that a text may mean, as Longhorn, vendors and charts write them; README and docs/releases.md have the
 * table. A text that names two, `v1.8.2+up1.8.1`, may mean either.
 *
 * - `v1.8.1`, `1.8.1`
 * - `v1.8.1-rc1`, `v1.8.1-dev-20250706`: from before that release
 * - `v1.8.x-head`: any commit of the line
 * - `v1.8.1-hotfix-1`, `v1.8.1-rancher1`, `v1.8.1+build7`: that release, and what it lacks may still be lacking
 * - `105.1.0+up1.8.1`: the number of a chart before, the release after
 *
 * @returns none for a text that names no release: `master-head`, `latest`
 */
export function releasesIn(text: string): readonly Release[] {
  const [, first = '', build = ''] = /^([^+_]*)(?:[+_](.+))?$/.exec(text) ?? []
  const upstream = /^up(.+)$/.exec(build)?.[1]
  if (build !== '' && !/^[\w.-]+$/.test(build)) return []
  const own = releaseOf(first, upstream === undefined ? build : '')
  if (upstream === undefined) return own && !isChart(own) ? [own] : []
  // Both have to be readable: half of a name may hide the half that matters.
  const inner = releaseOf(upstream, '')
  if (!own || !inner || isChart(inner)) return []
  return isChart(own) ? [inner] : [own, inner]
}

/** True for a text that names a release. What a person writes has to: anything else would count as the most dangerous, unseen. */
export function namesRelease(text: string): boolean {
  return releasesIn(text).length > 0
}

/** What such a text looks like, for messages. */
export const releaseExamples = 'a release such as v1.8.0, v1.9.0-rc1 or v1.9.x-head'

const pattern = /^v?(\d+)\.(\d+)\.(\d+|x)(?:-([\w.-]+))?$/

function releaseOf(text: string, build: string): Release | undefined {
  const [, major, minor, patch, suffix = ''] = pattern.exec(text) ?? []
  if (patch === undefined) return undefined
  const early = patch === 'x' || isEarly(suffix) || isEarly(build)
  return { major: Number(major), minor: Number(minor), patch: patch === 'x' ? 0 : Number(patch), early }
}

/** Rancher's charts of Longhorn count from 100 on, Longhorn itself from 1. */
function isChart({ major }: Release): boolean {
  return major >= 100
}

/**
 * True for what says that a build is from before its release. A hotfix is made from the tag of its release, so its own
 * candidates are later than that too (longhorn/longhorn#11140, #11951, #12260). A vendor's suffix says nothing of it.
 */
function isEarly(suffix: string): boolean {
  return !/^hotfix/i.test(suffix) && suffix.split(/[._-]/).some((word) => earlyWord.test(word))
}

const earlyWord = /^(?:rc|dev|head|alpha|beta|pre|preview|nightly|snapshot|canary|master|main)\d*$/i
