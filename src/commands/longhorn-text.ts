import { assumption, type Profile, profileWords } from '../longhorn/releases.ts'
import { plainLine } from '../text/plain-text.ts'

/** A release of Longhorn, and what it does. */
export interface LonghornRelease {
  /** As in Setting `current-longhorn-version`; null if it is unknown, and then the worst is assumed. */
  readonly release: string | null
  readonly profile: Profile
  /** True if the release is unknown or names none (the profile is then the worst), or is newer than Holdfast knows. */
  readonly assumed: boolean
}

/** What a release does, for people, to stand behind `Longhorn: `. */
export function longhornText({ release, profile, assumed }: LonghornRelease): string {
  const text = assumed
    ? assumption(release ?? undefined).replace(/^Longhorn /, '')
    : `${release ?? ''} ${profileWords[profile]} (profile ${profile})`
  return plainLine(text)
}
