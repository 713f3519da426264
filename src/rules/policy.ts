import { type Metadata, overrideAnnotation } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { Actor, Change } from './change.ts'
import { type RuleName, ruleNames } from './finding.ts'

/** The mode of a rule: as it says, at most a warning, or off. */
export type Mode = 'enforce' | 'warn' | 'off'

/** The operator's options for the rules. */
export interface Policy {
  /** Longhorn's namespace, which identifies its service account. */
  readonly longhornNamespace: string
  readonly modes: Readonly<Record<RuleName, Mode>>
  /** Judges for this release instead of the one in Setting `current-longhorn-version`. */
  readonly release: string | undefined
  /** On profile C a clean-up that is pending longer than this many milliseconds no longer holds an eviction. */
  readonly stuckAfterMs: number
  /**
   * A node whose manager has been down, or a disk that has not been ready, for more milliseconds than this counts as lost:
   * its copies may go as long as others are ready elsewhere.
   */
  readonly lostAfterMs: number
  /**
   * How long an ended change (a clean-up, a first file, a flag) still counts, in milliseconds, if a manager
   * can crash: longer than one of Longhorn's syncs, which goes on with the node that it began with. 0 for not
   * at all.
   */
  readonly settleMs: number
  /**
   * The same after an outage of the API server, from its end: Longhorn's watches come back up to a minute
   * later.
   */
  readonly settleAfterOutageMs: number
  /** `hold` holds the normal end of an eviction too (o4); `allow` lets it crash the manager. */
  readonly evictionCompletion: 'hold' | 'allow'
  readonly override: OverridePolicy
  /** Users, groups and service accounts (`namespace/name`) that get an answer at once instead of a wait. */
  readonly impatient: readonly string[]
  readonly evictionBudget: EvictionBudget
}

/** How many operations may be in progress before the next eviction waits; undefined for any number. */
export interface EvictionBudget {
  /** How many nodes may have a flag up, the new one included. */
  readonly flaggedNodes: number | undefined
  /** How many clean-ups may be pending, on all disks together. */
  readonly pendingCleanups: number | undefined
}

/** Every rule enforced: the default. */
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
  // Longhorn waits as long for the return of a replica (its setting replica-replenishment-wait-interval).
  lostAfterMs: 10 * 60_000,
  // A sync of a node takes a second or two, its informers lag by less, and a denied one starts again at once.
  settleMs: 10_000,
  // client-go waits 0.8 s, doubling to 30 s, each up to twice that by jitter, and then it lists.
  settleAfterOutageMs: 90_000,
  evictionCompletion: 'hold',
  override: { groups: undefined, except: new Set() },
  impatient: [],
  evictionBudget: { flaggedNodes: undefined, pendingCleanups: undefined },
}

/** The users who may override, and the rules that they may override. */
interface OverridePolicy {
  /** Only members of one of these groups may; undefined for every user who may write the object. */
  readonly groups: readonly string[] | undefined
  /** Rules without an override. */
  readonly except: ReadonlySet<RuleName>
}

/**
 * The result of the annotation `holdfast.dev/override` in a request. It asks for an override only if it is
 * new or changed in this very request, so that it works once: afterwards it stays on the object as a note. On
 * a new object it may be such a note from a backup or a GitOps tool, so it has no effect there. For a DELETE
 * it is written on the object beforehand, in another form ({@link readDeleteOverride}).
 */
type Override =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'granted'; readonly reason: string }
  /** The annotation is empty, or spaces. */
  | { readonly outcome: 'no-reason' }
  /** It is for the deletion of another object, or of this one before its spec changed. */
  | { readonly outcome: 'other-object' }
  /** It is for the deletion of this object, and its time is over, too far ahead, or missing. */
  | { readonly outcome: 'expired' }
  /** It is on an object that is created. */
  | { readonly outcome: 'at-creation' }
  | { readonly outcome: 'not-permitted'; readonly groups: readonly string[] }

/** An annotation may have 256 KiB; a reason for people has less, in UTF-16 units. */
const longestReason = 1_024

/** How much of it is read each time that a change is judged. */
const lookedAt = 8 * longestReason

/** Reads the override that a change asks for. The reason is one line, cut to 1,024 characters. */
export function overrideOf(change: Change, { override }: Pick<Policy, 'override'>): Override {
  const asked = askedBy(change)
  if (asked === undefined) return { outcome: 'none' }
  if (typeof asked === 'string') return { outcome: asked }
  const { groups } = override
  if (groups && !isMember(change.request.actor, groups)) return { outcome: 'not-permitted', groups }
  const reason = cut(plainLine(asked.reason.slice(0, lookedAt)).trim(), longestReason)
  return reason === '' ? { outcome: 'no-reason' } : { outcome: 'granted', reason }
}

type Asked = { readonly reason: string } | 'other-object' | 'expired' | 'at-creation' | undefined

function askedBy({ operation, before, after, request }: Change): Asked {
  switch (operation) {
    case 'CREATE':
      return after.metadata.override === undefined ? undefined : 'at-creation'
    case 'UPDATE':
      return askedIn(before.metadata, after.metadata)
    case 'DELETE':
      return askedForDelete(before.metadata, request.askedAt)
  }
}

function askedForDelete(metadata: Metadata, now: number | undefined): Asked {
  const override = readDeleteOverride(metadata, now)
  return override && override.standing !== 'current' ? override.standing : override
}

/** An override for a DELETE is no override for the write that adds it. */
function askedIn(before: Metadata, after: Metadata): Asked {
  const reason = after.override
  if (reason === undefined || reason === before.override) return undefined
  return readDeleteOverride(after, undefined) ? undefined : { reason }
}

/** True if an override of this rule by this user would admit the change. */
export function mayOverride(actor: Actor, rule: RuleName, { modes, override }: Policy): boolean {
  const { groups, except } = override
  return modes[rule] === 'enforce' && !except.has(rule) && (!groups || isMember(actor, groups))
}

/**
 * The policy for one change: with a granted override, enforced rules become warnings, except the rules
 * without an override.
 */
export function policyFor(change: Change, policy: Policy, override = overrideOf(change, policy)): Policy {
  if (override.outcome !== 'granted') return policy
  const { except } = policy.override
  const soften = (rule: RuleName): Mode =>
    policy.modes[rule] === 'enforce' && !except.has(rule) ? 'warn' : policy.modes[rule]
  return { ...policy, modes: withModes(policy.modes, soften) }
}

/** The same rules with other modes. */
export function withModes(modes: Policy['modes'], modeOf: (rule: RuleName) => Mode): Record<RuleName, Mode> {
  const changed = { ...modes }
  for (const rule of ruleNames) changed[rule] = modeOf(rule)
  return changed
}

/** True if at least one rule can stop a change. */
export function enforcesAnything({ modes }: Pick<Policy, 'modes'>): boolean {
  return ruleNames.some((rule) => modes[rule] === 'enforce')
}

function isMember({ groups }: Actor, wanted: readonly string[]): boolean {
  return groups.some((group) => wanted.includes(group))
}

/** The content of the annotation `holdfast.dev/override` about the deletion of its object. */
interface DeleteOverride {
  /**
   * `other-object`: it is about another object, or about this one before its spec changed. `expired`: its
   * time is over, too far ahead, or missing.
   */
  readonly standing: 'current' | 'other-object' | 'expired'
  /** May be empty. */
  readonly reason: string
}

const form = /^delete (\S+)\/(\d+)(?: before (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z))?:([^]*)$/

/** How far ahead the time of an override may be, in milliseconds. */
const longestMs = 60 * 60_000

/** How long the override of the guard's own command lasts, in milliseconds. */
const usualMs = 30 * 60_000

/**
 * Reads an override for a deletion: `delete <uid>/<generation> before <time>: <reason>`, written on the
 * object beforehand, since a DELETE carries no annotation. Undefined if the annotation is about something
 * else.
 *
 * The uid limits it to this very object. It works once, since an object is deleted once, and it has no effect
 * on an object of the same name that a backup or a GitOps tool makes from it. The generation limits it to the
 * spec that its author saw: a disk that joins later is not covered. The time, an hour ahead at most, ends an
 * unused one. A wrong clock ends it too early, or an hour and its error too late. None of these needs a
 * record of its author: the guard does not see all writes of annotations, and managedFields name a tool, not
 * a user.
 *
 * @param now milliseconds since the epoch; undefined if it is unknown, and then no time is valid
 */
function readDeleteOverride(
  { override, uid, generation }: Metadata,
  now: number | undefined,
): DeleteOverride | undefined {
  const parts = form.exec(override ?? '')
  if (!parts) return undefined
  const [, of, at, before = '', reason = ''] = parts
  if (uid === '' || of !== uid || at !== String(generation)) return { standing: 'other-object', reason }
  // NaN without a time: then neither comparison holds.
  const left = Date.parse(before) - (now ?? NaN)
  return { standing: left > 0 && left <= longestMs ? 'current' : 'expired', reason }
}

/** The command that writes it. @param now milliseconds since the epoch */
export function deleteOverrideFor({ metadata }: Node, namespace: string, now: number): string {
  const { name, uid, generation } = metadata
  const before = `${new Date(now + usualMs).toISOString().slice(0, 19)}Z`
  return `kubectl -n ${namespace} annotate --overwrite nodes.longhorn.io ${name} '${overrideAnnotation}=delete ${uid}/${generation} before ${before}: <why>', and delete it again before then`
}

/**
 * True for an account that must not wait: a controller with few workers, which a held request or a
 * Retry-After would block. Longhorn's account always is one, and so are those that the operator names: a
 * user, a group, or a service account as `namespace/name`.
 */
export function isImpatient(
  actor: Actor,
  { longhornNamespace, impatient }: Pick<Policy, 'longhornNamespace' | 'impatient'>,
): boolean {
  return (
    isLonghorn(actor, longhornNamespace) ||
    impatient.some((name) => name === actor.username || actor.groups.includes(name) || isAccount(name, actor))
  )
}

function isAccount(name: string, { username }: Actor): boolean {
  const [namespace, account, ...more] = name.split('/')
  return more.length === 0 && username === `system:serviceaccount:${namespace}:${account}`
}

/**
 * True for Longhorn's own service account: the controllers, and every user of its UI. A webhook cannot tell
 * one from the other (longhorn.md §3).
 */
export function isLonghorn(actor: Actor, longhornNamespace: string): boolean {
  return actor.username === `system:serviceaccount:${longhornNamespace}:longhorn-service-account`
}
