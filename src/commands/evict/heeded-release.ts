import { isAssumed, profileOf, profiles } from '../../longhorn/releases.ts'
import type { Probe, ReplicaPolicy } from '../doctor/facts.ts'

/** The release whose order of steps an eviction keeps to. */
export interface Heeded {
  readonly release: string | undefined
  /** True for a release that the guard is configured for, and that does not run. */
  readonly isConfigured: boolean
}

/**
 * The running release, or the one that a replica of the guard is configured for if that is more dangerous. Such a guard
 * denies the removal of copies while a flag is up, so an eviction that left it up would never end.
 */
export function heededRelease(
  running: string | undefined,
  policies: Probe<readonly Pick<ReplicaPolicy, 'release'>[]>,
): Heeded {
  const configured = 'problem' in policies ? [] : policies.seen.flatMap(({ release }) => release ?? [])
  const rank = (release: string | undefined): number => profiles.indexOf(profileOf(release))
  const [worst] = configured.toSorted((one, other) => rank(one) - rank(other))
  return worst !== undefined && rank(worst) < rank(running)
    ? { release: worst, isConfigured: true }
    : { release: running, isConfigured: false }
}

/** Such a Longhorn, at the beginning of a sentence. */
export function heededWords({ release, isConfigured }: Heeded): string {
  if (isConfigured) return `The guard is configured for Longhorn ${release ?? ''} (longhornRelease), which`
  return isAssumed(release) ? 'Such a Longhorn' : `Longhorn ${release ?? ''}`
}
