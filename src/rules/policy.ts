import type { RuleName } from './finding.ts'
import type { OverridePolicy } from './override.ts'

/** How seriously a rule is taken: as it says, as a warning at most, or not at all. */
export type Mode = 'enforce' | 'warn' | 'off'

/** What the operator decides about the rules. */
export interface Policy {
  /** Where Longhorn runs; its own service account is recognised by it. */
  readonly longhornNamespace: string
  readonly modes: Readonly<Record<RuleName, Mode>>
  /** Judges for this release, whatever Setting `current-longhorn-version` says. */
  readonly release: string | undefined
  /** On profile C a clean-up that is pending longer than this many milliseconds no longer holds an eviction. */
  readonly stuckAfterMs: number
  /**
   * A node whose manager has been down, or a disk that has not been ready, for more milliseconds than this counts as lost:
   * its copies may go as long as others are ready elsewhere.
   */
  readonly lostAfterMs: number
  /**
   * What is over (a clean-up, a first file, a flag) still counts for this many milliseconds, where a manager can crash:
   * longer than one of Longhorn's syncs, which goes on with the node that it began with. 0: not at all.
   */
  readonly settleMs: number
  /** The same after an outage of the API server, from its end: Longhorn's watches come back up to a minute later. */
  readonly settleAfterOutageMs: number
  /** `hold` holds back the normal end of an eviction too (o4); `allow` lets it crash the manager. */
  readonly evictionCompletion: 'hold' | 'allow'
  readonly override: OverridePolicy
  /** Users, groups and service accounts (`namespace/name`) that are told at once what others would wait for. */
  readonly impatient: readonly string[]
  readonly evictionBudget: EvictionBudget
}

/** How much may be under way at a time before the next eviction waits; undefined: any number. */
export interface EvictionBudget {
  /** How many nodes may have a flag up, the one to be evicted included. */
  readonly flaggedNodes: number | undefined
  /** How many clean-ups may be pending, on all disks together. */
  readonly pendingCleanups: number | undefined
}

/** Every rule enforced, as it is without configuration. */
export const defaultPolicy: Policy = {
  longhornNamespace: 'longhorn-system',
  modes: {
    'eviction-during-cleanup': 'enforce',
    'cleanup-during-eviction': 'enforce',
    'first-file-during-eviction': 'enforce',
    'first-file-unfinished': 'enforce',
    'last-usable-copy': 'enforce',
    'evict-unready-copy': 'enforce',
    'copy-in-use': 'enforce',
    'below-min-copies': 'enforce',
    'disk-removal-with-copies': 'enforce',
    'images-nowhere': 'enforce',
    'no-eviction-target': 'enforce',
    'lingering-eviction': 'enforce',
    'eviction-budget': 'enforce',
  },
  release: undefined,
  stuckAfterMs: 5 * 60_000,
  // Longhorn waits as long for a replica to come back (its setting replica-replenishment-wait-interval).
  lostAfterMs: 10 * 60_000,
  // A sync of a node takes a second or two, its informers lag by less, and a refused one begins anew at once.
  settleMs: 10_000,
  // client-go waits 0.8 s, doubling to 30 s, each up to twice that by jitter, and then it lists.
  settleAfterOutageMs: 90_000,
  evictionCompletion: 'hold',
  override: { groups: undefined, except: new Set() },
  impatient: [],
  evictionBudget: { flaggedNodes: undefined, pendingCleanups: undefined },
}
