import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Profile } from '../longhorn/releases.ts'
import type { Actor, Cleanup, DiskRemoval, Eviction, FlagsCleared, Placement } from './change.ts'
import type { Effect, Finding, RuleName } from './finding.ts'
import type { Policy } from './policy.ts'

/** When something is judged, by both clocks. */
export interface Moment {
  /** Milliseconds by the monotonic clock, by which all that the guard has seen itself is counted. */
  readonly now: number
  /** Milliseconds since the epoch, to compare with what Longhorn has written down. Clocks may disagree. */
  readonly timeOfDay: number
}

/** What an act is judged against. */
export interface Circumstances extends Moment {
  readonly map: DiskMapView
  readonly policy: Policy
  readonly actor: Actor
  /** The release judged for, undefined if nobody knows. */
  readonly release: string | undefined
  readonly profile: Profile
}

/**
 * A finding before its rule and effect are settled, and what the change does is put into words. `effect` is set where it
 * differs from the rule's table.
 */
export type Draft<E extends Effect = Effect> = Omit<Finding, 'rule' | 'effect' | 'doing'> & {
  readonly effect?: E
}

type Judge<A, E extends Effect> = (act: A, circumstances: Circumstances) => Iterable<Draft<E>>

/**
 * A rule: for each act that it concerns a pure function from that act and the disk map to findings. Clearing flags
 * can only ever be warned about, which its type says.
 */
export interface Rule {
  readonly name: RuleName
  /** What a finding does on each profile; `off` means that the rule is not asked. */
  readonly effects: Readonly<Record<Profile, Effect | 'off'>>
  readonly eviction?: Judge<Eviction, Effect>
  readonly 'disk-removal'?: Judge<DiskRemoval, Effect>
  readonly cleanup?: Judge<Cleanup, Effect>
  readonly placement?: Judge<Placement, Effect>
  readonly 'flags-cleared'?: Judge<FlagsCleared, 'warn'>
}
