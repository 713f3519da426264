import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { group } from '../longhorn/kinds.ts'
import { actsOf, type Change, nameOf } from '../rules/change.ts'
import { doing } from '../rules/doing.ts'
import type { Finding } from '../rules/finding.ts'
import { fitWarning, headlineOf, laidOut, linesOf, oneLineOf, warningOf } from '../rules/layout.ts'
import { isImpatient, overrideOf, type Policy } from '../rules/policy.ts'
import { cut, plainLine, plainText } from '../text/plain-text.ts'
import { decisionFor, type Objection, type Unavailability, type Verdict } from './verdict.ts'

/** The denial's part of a `metav1.Status`; it reaches the client whole. */
export interface DenialStatus {
  readonly code: 403 | 429 | 503
  readonly reason: 'Forbidden' | 'TooManyRequests' | 'ServiceUnavailable'
  readonly message: string
  readonly details: {
    readonly name: string
    readonly group: string
    readonly kind: string
    readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[]
    /** Makes kubectl and every client-go program wait and retry by itself; seconds, at least 1. */
    readonly retryAfterSeconds?: number
  }
}

/** The whole answer to a requested write, independent of the door. */
export type Answer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | { readonly allowed: false; readonly status: DenialStatus; readonly warnings: readonly string[] }

/** The inputs of an answer besides the verdict. */
interface AnswerOptions {
  /** Accounts that must not wait get other codes than people, and some users may not override. */
  readonly policy: Pick<Policy, 'longhornNamespace' | 'impatient' | 'override'>
  /** Names disks. */
  readonly map: Pick<DiskMapView, 'ownersOf'>
  /** Retry-After for client-go programs, in seconds, at least 1. */
  readonly retryAfterSeconds: number
}

/** The maximum of findings in an answer. A node can have thousands. */
const listedFindings = 10

/** 20 kB of message reach the user whole (kubernetes.md, The answer). In UTF-16 units. */
const maxMessage = 16_384

/** The prefix of a dry run's message if the request would be held. */
export const wouldWait = 'dry run: '

/** For names and causes, which a person reads at a glance. In UTF-16 units. */
const maxLine = 1_024

/**
 * Turns a verdict into words and codes, the same at every door (longhorn.md §3). Names of disks, annotations
 * and users are free strings, and each text reaches a terminal or a browser. So characters that act on a
 * screen are removed here, for all doors.
 */
export function answerTo(change: Change, verdict: Verdict, options: AnswerOptions): Answer {
  const warnings = [...aboutDeleteForm(change, verdict, options), ...warningsOf(change, verdict, options)]
  switch (verdict.decision) {
    case 'allow':
      return { allowed: true, warnings }
    case 'hold':
    case 'refuse':
      return { allowed: false, status: denial(change, verdict, options), warnings }
    case 'unavailable':
      return { allowed: false, status: unavailable(change, verdict.why, options), warnings }
  }
}

/** Kubernetes cuts long warnings; `holdfast check` shows them whole. */
function warningsOf(change: Change, verdict: Verdict, options: AnswerOptions): string[] {
  const isWhole = change.request.door === 'check'
  const said = list(verdict.warnings, isWhole ? (finding) => oneLineOf(finding) : warningOf)
  return [...aboutOverride(change, verdict, options), ...said].map(isWhole ? plainLine : fitWarning)
}

/** Every answer about an override that has no effect begins with it. A dry run that asks for one learns that a guard judged it. */
export const overrideIgnored = 'the override was ignored'

/** The result of an override, for the user who asked for it. */
function aboutOverride(change: Change, verdict: Verdict, { policy }: AnswerOptions): string[] {
  const unjudged = verdict.decision === 'allow' && verdict.unjudged
  const blind = unjudged ? [`not judged: ${because[unjudged]}`] : []
  const override = overrideOf(change, policy)
  switch (override.outcome) {
    case 'none':
      return blind
    case 'granted':
      if (verdict.decision !== 'allow')
        return [`the override was granted, but the rule against this change cannot be overridden`]
      return verdict.override ? [`overridden, which is on record: ${override.reason}`, ...blind] : blind
    case 'other-object':
      return [
        `${overrideIgnored}: annotation holdfast.dev/override names another object, or this one before its spec changed`,
      ]
    case 'expired':
      return [
        `${overrideIgnored}: annotation holdfast.dev/override names no time, or one that is over or more than 1h ahead`,
      ]
    case 'at-creation':
      // An old annotation on a restored object needs no message.
      return verdict.decision === 'allow'
        ? blind
        : [
            `${overrideIgnored}: on an object that is created, annotation holdfast.dev/override may come from a backup. Create it without the part that is stopped, and override the update`,
          ]
    case 'no-reason':
      return [`${overrideIgnored}: annotation holdfast.dev/override needs a reason`]
    case 'not-permitted':
      return [
        `${overrideIgnored}: ${change.request.actor.username} is in none of the groups that may ask for one (${override.groups.join(', ')})`,
      ]
  }
}

function denial(
  change: Change,
  verdict: { decision: 'hold' | 'refuse'; objections: readonly Objection[] },
  options: AnswerOptions,
): DenialStatus {
  const { objections } = verdict
  const retry = retryOf(change, options)
  const message = denialLines(objections, 'retryAfterSeconds' in retry ? retrying(change) : '')
  const details = { ...about(change), causes: causes(change, objections) }
  // A 429 with Retry-After blocks a worker of Longhorn's controllers and hangs a button of its UI.
  if (decisionFor(change, verdict, options.policy) === 'refuse') {
    return { code: 403, reason: 'Forbidden', message: paragraph(message), details }
  }
  const { dryRun } = change.request
  return {
    code: 429,
    reason: 'TooManyRequests',
    message: paragraph(`${dryRun ? wouldWait : ''}${message}`),
    details: { ...details, ...retry },
  }
}

/**
 * Each finding in full. If one differs from an earlier one only in the object found, only its first line is
 * shown.
 */
function denialLines(objections: readonly Objection[], retry: string): string {
  const seen = new Set<string>()
  return list(objections, (finding) => {
    const { rule, effect, next } = finding
    const key = `${rule} ${effect} ${next}`
    if (seen.has(key)) return headlineOf(finding)
    seen.add(key)
    return linesOf(finding, effect === 'hold' ? retry : '')
  }).join('\n')
}

/** A person clicks behind the proxy of Longhorn's UI. */
function retrying({ request: { door } }: Change): string {
  return door === 'proxy-longhorn' ? 'Try again later. ' : 'kubectl retries for you. '
}

/** A client with a Retry-After retries by itself, up to ten times. For a dry run one answer is enough. */
function retryOf(
  change: Change,
  { policy, retryAfterSeconds }: AnswerOptions,
): { retryAfterSeconds?: number } {
  const { actor, dryRun } = change.request
  return dryRun || isImpatient(actor, policy) ? {} : { retryAfterSeconds }
}

function unavailable(change: Change, why: Unavailability, options: AnswerOptions): DenialStatus {
  const retry = retryOf(change, options)
  const message = laidOut({
    headline: `${doing(actsOf(change), options.map)} cannot be judged now: ${because[why]}`,
    why: 'The guard cannot tell whether this write is safe.',
    next: `${'retryAfterSeconds' in retry ? retrying(change) : ''}Writes that clear flags or raise no danger pass.`,
    look: ['holdfast doctor', "the guard's /readyz and its log"],
  })
  return {
    code: 503,
    reason: 'ServiceUnavailable',
    message: paragraph(message),
    details: { ...about(change), causes: [], ...retry },
  }
}

const because: Readonly<Record<Unavailability, string>> = {
  'disk-map-not-synced': 'the guard has not read all Longhorn objects yet',
  'disk-map-too-old': 'the guard has lost touch with the API server, and its view of the disks is too old',
  'disk-map-incomplete': 'the guard cannot read some Longhorn objects, which its log names',
  'reservations-unreachable': 'the guard cannot record what it admits (Leases in its own namespace)',
  'not-confirmed': 'the guard cannot read the current state from the API server',
  'object-not-known':
    'the API server does not have this object as it was reviewed (in that version; or for a creation, not at all, and for a data source its image), or too many objects are being created',
}

function about(change: Change) {
  return { name: line(nameOf(change)), group, kind: change.kind }
}

function causes(change: Change, findings: readonly Finding[]): DenialStatus['details']['causes'] {
  return findings.slice(0, listedFindings).map((finding) => ({
    reason: finding.rule,
    message: line(headlineOf(finding)),
    field: field(change),
  }))
}

/** The field of the request that a person would change. */
function field(change: Change): string {
  switch (change.kind) {
    case 'Node':
      return 'spec'
    case 'BackingImage':
      return 'spec.diskFileSpecMap'
    case 'BackingImageDataSource':
      return 'spec.diskUUID'
  }
}

function line(text: string): string {
  return cut(plainLine(text), maxLine)
}

function paragraph(text: string): string {
  return cut(plainText(text), maxMessage)
}

function list<F extends Finding>(findings: readonly F[], say: (finding: F) => string): string[] {
  const more = findings.length - listedFindings
  const listed = findings.slice(0, listedFindings).map(say)
  return more > 0 ? [...listed, `and ${more} more of this kind`] : listed
}

const ignored = `${overrideIgnored}: one that begins with "delete" counts for the deletion of its object only. For an update, set annotation holdfast.dev/override to the reason alone, in the same write`

/**
 * The message for an update that has an override in the form for a deletion, and meets an objection or a
 * warning. A write that only adds it, before the deletion, passes silently.
 */
function aboutDeleteForm(change: Change, verdict: Verdict, { policy }: AnswerOptions): readonly string[] {
  if (change.operation !== 'UPDATE') return []
  const { override } = change.after.metadata
  const isNew = override !== undefined && override !== change.before.metadata.override
  // Every other one is granted, or refused for another reason.
  if (!isNew || overrideOf(change, policy).outcome !== 'none') return []
  return verdict.decision === 'allow' && verdict.warnings.length === 0 ? [] : [ignored]
}
