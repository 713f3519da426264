import { type Metadata, overrideAnnotation } from '../longhorn/metadata.ts'
import type { Node } from '../longhorn/node.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { Actor, Change } from './change.ts'
import { type RuleName, ruleNames } from './finding.ts'

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

/** Who may ask for exceptions, and from what. */
interface OverridePolicy {
  /** Only members of one of these groups may; undefined: whoever may write the object. */
  readonly groups: readonly string[] | undefined
  /** Rules from which there is no exception. */
  readonly except: ReadonlySet<RuleName>
}

/**
 * What became of the annotation `holdfast.dev/override` in a request. It asks for an exception only where it is new
 * or changed in this very request, so that it works once: on the object it stays behind as a note. On an object that is
 * created it may be such a note, which a backup or a GitOps tool brings back, so it asks for nothing there. Before a DELETE
 * it is written on the object, in a form of its own ({@link readDeleteOverride}).
 */
type Override =
  | { readonly outcome: 'none' }
  | { readonly outcome: 'granted'; readonly reason: string }
  /** The annotation is empty, or spaces. */
  | { readonly outcome: 'no-reason' }
  /** It is for the deletion of another object, or of this one before its spec changed. */
  | { readonly outcome: 'other-object' }
  /** It is for the deletion of this object, and its time is over, or too far ahead, or it names none. */
  | { readonly outcome: 'expired' }
  /** It is on an object that is created. */
  | { readonly outcome: 'at-creation' }
  | { readonly outcome: 'not-permitted'; readonly groups: readonly string[] }

/** An annotation may have 256 KiB; a reason that a person reads has less, in UTF-16 units. */
const longestReason = 1_024

/** So much of it is looked at, each time that a change is judged. */
const lookedAt = 8 * longestReason

/** Reads what a change asks to be excepted from. The reason is one line, cut to 1,024 characters. */
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

/** What is written to be used with a DELETE is no exception for the write that brings it. */
function askedIn(before: Metadata, after: Metadata): Asked {
  const reason = after.override
  if (reason === undefined || reason === before.override) return undefined
  return readDeleteOverride(after, undefined) ? undefined : { reason }
}

/** Tells of somebody and a rule whether an override by them would admit what the rule stops. */
export function mayOverride(actor: Actor, rule: RuleName, { modes, override }: Policy): boolean {
  const { groups, except } = override
  return modes[rule] === 'enforce' && !except.has(rule) && (!groups || isMember(actor, groups))
}

/**
 * The policy for one change: where an exception is granted, what would be enforced is warned about, except for the
 * rules that know no exception.
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

/** What the annotation `holdfast.dev/override` says about the deletion of its own object. */
interface DeleteOverride {
  /**
   * `other-object`: it is about another object, or about this one as it was before its spec changed. `expired`: its time is
   * over, or too far ahead, or it names none.
   */
  readonly standing: 'current' | 'other-object' | 'expired'
  /** May be empty. */
  readonly reason: string
}

const form = /^delete (\S+)\/(\d+)(?: before (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z))?:([^]*)$/

/** How far ahead the time may be that an exception names, in milliseconds. */
const longestMs = 60 * 60_000

/** How long the exception lasts that the guard's own command writes, in milliseconds. */
const usualMs = 30 * 60_000

/**
 * Reads an exception for a deletion: `delete <uid>/<generation> before <time>: <reason>`, written on the object beforehand,
 * since a DELETE carries no annotation of its own. Undefined if the annotation is about something else.
 *
 * The uid makes it good for this very object: it works once, for what is deleted has no second end, and it is worth nothing
 * on an object of the same name that a backup or a GitOps tool makes from it. The generation makes it good for the spec
 * that its author saw: a disk that joins later is not covered. The time, an hour ahead at most, makes one that was not used
 * end by itself. A clock that is wrong ends it too early, or an hour and its error too late. None of these needs anybody to
 * remember who wrote it: the guard does not see all writes of annotations, and managedFields name a tool, not a user.
 *
 * @param now milliseconds since the epoch; undefined if nobody knows, and then no time is good
 */
function readDeleteOverride(
  { override, uid, generation }: Metadata,
  now: number | undefined,
): DeleteOverride | undefined {
  const parts = form.exec(override ?? '')
  if (!parts) return undefined
  const [, of, at, before = '', reason = ''] = parts
  if (uid === '' || of !== uid || at !== String(generation)) return { standing: 'other-object', reason }
  // NaN if it names no time: then neither comparison holds.
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
 * True for a caller that must not be made to wait: a controller with few workers, which a held request or a Retry-After
 * would block. Longhorn's account is one always, and so is whom the operator names: a user, a group, or a service account
 * as `namespace/name`.
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
 * True for Longhorn's own service account: the controllers, and everybody who clicks in its UI. A webhook cannot
 * tell one from the other (longhorn.md §3).
 */
export function isLonghorn(actor: Actor, longhornNamespace: string): boolean {
  return actor.username === `system:serviceaccount:${longhornNamespace}:longhorn-service-account`
}
