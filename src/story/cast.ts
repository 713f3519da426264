import type { Profile } from '../longhorn/profile.ts'

/** Who plays in every act. */
export interface Cast {
  readonly release: string
  readonly profile: Profile
  readonly image: string
  readonly node: string
  /** The disk whose copy is cleaned up. */
  readonly cleaned: { readonly name: string; readonly uuid: string }
  /**
   * The disk that is evicted: another one where that is enough for a crash (profile A), else the same
   * (longhorn.md §2).
   */
  readonly evicted: { readonly name: string }
  /** How long you wait for a request that is held, the first time: `2s`. Shorter than a clean-up takes. */
  readonly patience: string
  /** How long what is over still counts here: `2s`. */
  readonly settle: string
}

/** `disk-2 of node-1, another disk`, or `the same disk`. */
export function theEvictedDisk({ cleaned, evicted, node }: Cast): string {
  return evicted.name === cleaned.name
    ? `${evicted.name} of ${node}, the same disk`
    : `${evicted.name} of ${node}, another disk`
}

/** True if this release crashes a manager when it is not guarded. */
export function canCrash({ profile }: Cast): boolean {
  return profile === 'A' || profile === 'B'
}

/** True if the guard holds an eviction back on this release; on those before 1.7 it only warns. */
export function isHeld({ profile }: Cast): boolean {
  return profile !== 'none'
}
