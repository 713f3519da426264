import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Profile } from '../longhorn/releases.ts'
import type { Actor, Cleanup, DiskRemoval, Eviction, FlagsCleared, Placement } from './change.ts'
import type { Effect, Finding, RuleName } from './finding.ts'
import type { Policy } from './policy.ts'

/** The time of a judgement, by both clocks. */
export interface Moment {
  /** Milliseconds by the monotonic clock, which counts everything that the guard itself has seen. */
  readonly now: number
  /** Milliseconds since the epoch, to compare with times that Longhorn has recorded. Clocks may disagree. */
  readonly timeOfDay: number
}

/** The data that an act is judged on. */
export interface Circumstances extends Moment {
  readonly map: DiskMapView
  readonly policy: Policy
  readonly actor: Actor
  /** The release that is judged for; undefined if it is unknown. */
  readonly release: string | undefined
  readonly profile: Profile
}

/**
 * An ended change that Longhorn may not have noticed yet, and when it certainly has, in milliseconds by the
 * monotonic clock.
 */
export interface Unnoticed<T> {
  readonly over: T
  readonly until: number
}

/**
 * A finding before it has its rule, its effect and the words for the change. `effect` is set if it differs
 * from the rule's table.
 */
export type Draft<E extends Effect = Effect> = Omit<Finding, 'rule' | 'effect' | 'doing'> & {
  readonly effect?: E
}

type Judge<A, E extends Effect> = (act: A, circumstances: Circumstances) => Iterable<Draft<E>>

/**
 * A rule: for each act that it concerns a pure function from that act and the disk map to findings. Clearing
 * flags can only get warnings, as its type says.
 */
export interface Rule {
  readonly name: RuleName
  /** The effect of a finding on each profile; `off` skips the rule. */
  readonly effects: Readonly<Record<Profile, Effect | 'off'>>
  readonly eviction?: Judge<Eviction, Effect>
  readonly 'disk-removal'?: Judge<DiskRemoval, Effect>
  readonly cleanup?: Judge<Cleanup, Effect>
  readonly placement?: Judge<Placement, Effect>
  readonly 'flags-cleared'?: Judge<FlagsCleared, 'warn'>
}
