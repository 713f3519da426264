import { group } from '../longhorn/kinds.ts'
import { type Change, nameOf } from '../rules/change.ts'
import type { Finding } from '../rules/finding.ts'
import { isImpatient, overrideOf, type Policy } from '../rules/policy.ts'
import { cut } from '../text/names.ts'
import { plainLine, plainText } from '../text/plain-text.ts'
import type { Objection, Unavailability, Verdict } from './verdict.ts'

/** The part of a `metav1.Status` that a denial carries; it reaches the client whole. */
export interface Status {
  readonly code: 403 | 429 | 503
  readonly reason: 'Forbidden' | 'TooManyRequests' | 'ServiceUnavailable'
  readonly message: string
  readonly details: {
    readonly name: string
    readonly group: string
    readonly kind: string
    readonly causes: readonly { readonly reason: string; readonly message: string; readonly field: string }[]
    /** Makes kubectl and every client-go program wait and try again by itself; seconds, at least 1. */
    readonly retryAfterSeconds?: number
  }
}

/** The whole answer to a requested write, without the form of any door. */
export type Answer =
  | { readonly allowed: true; readonly warnings: readonly string[] }
  | { readonly allowed: false; readonly status: Status; readonly warnings: readonly string[] }

/** What shapes an answer. */
interface AnswerOptions {
  /** Callers that must not wait get other codes than people do, and not everybody may override. */
  readonly policy: Pick<Policy, 'longhornNamespace' | 'impatient' | 'override'>
  /** How long client-go programs wait before they ask again, in seconds, at least 1. */
  readonly retryAfterSeconds: number
}

/** So many findings are told in full; a node can have thousands, and nobody reads them. */
const toldFindings = 10

/** 20 kB of message reach the user whole (kubernetes.md, The answer). In UTF-16 units. */
const maxMessage = 16_384

/** What the message of a dry run begins with that would be held. */
export const wouldWait = 'would wait: '

/** For names and causes, which a person reads in one glance. In UTF-16 units. */
const maxLine = 1_024

/**
 * Puts a verdict into words and codes, the same at every door (longhorn.md §3). Names of disks, annotations and users are
 * free strings, and each text reaches a terminal or a browser: what acts on a screen is taken out here, for all doors.
 */
export function answerTo(change: Change, verdict: Verdict, options: AnswerOptions): Answer {
  const findings = tell(verdict.warnings, (finding) => `${finding.rule}: ${sentence(finding)}`)
  const warnings = [...aboutOverride(change, verdict, options), ...findings].map(plainLine)
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

/** What became of an override, for the person who asked for it. */
function aboutOverride(change: Change, verdict: Verdict, { policy }: AnswerOptions): string[] {
  const unjudged = verdict.decision === 'allow' && verdict.unjudged
  const blind = unjudged ? [`not judged: ${because[unjudged]}`] : []
  const override = overrideOf(change, policy)
  switch (override.outcome) {
    case 'none':
      return blind
    case 'granted':
      if (verdict.decision !== 'allow')
        return [`the override was granted, but there is no exception from what stands against this`]
      return verdict.override ? [`overridden, which is on record: ${override.reason}`, ...blind] : blind
    case 'other-object':
      return [
        'the override was ignored: annotation holdfast.dev/override names another object, or this one before its spec changed',
      ]
    case 'expired':
      return [
        'the override was ignored: annotation holdfast.dev/override names no time, or one that is over or more than 1h ahead',
      ]
    case 'at-creation':
      // An old note on what is restored is nothing that anybody has to hear of.
      return verdict.decision === 'allow'
        ? blind
        : [
            'the override was ignored: on an object that is created, annotation holdfast.dev/override may come from a backup. Create it without what is stopped, and override the update',
          ]
    case 'no-reason':
      return ['the override was ignored: annotation holdfast.dev/override has to say why']
    case 'not-permitted':
      return [
        `the override was ignored: ${change.request.actor.username} is in none of the groups that may ask for one (${override.groups.join(', ')})`,
      ]
  }
}

function denial(
  change: Change,
  { decision, objections }: { decision: 'hold' | 'refuse'; objections: readonly Objection[] },
  options: AnswerOptions,
): Status {
  const verb = { hold: 'held back', refuse: 'refused' } as const
  const message = tell(
    objections,
    (finding) => `${verb[finding.effect]} by ${finding.rule}: ${sentence(finding)}`,
  )
  const details = { ...about(change), causes: causes(change, objections) }
  // A 429 with Retry-After blocks a worker of Longhorn's controllers and hangs a button of its UI.
  if (decision === 'refuse' || isImpatient(change.request.actor, options.policy)) {
    return { code: 403, reason: 'Forbidden', message: paragraph(message.join('\n')), details }
  }
  const { dryRun } = change.request
  return {
    code: 429,
    reason: 'TooManyRequests',
    message: paragraph(`${dryRun ? wouldWait : ''}${message.join('\n')}`),
    details: { ...details, ...retryOf(change, options) },
  }
}

/** A client with a Retry-After asks again by itself, up to ten times. For a dry run one answer is enough. */
function retryOf(
  change: Change,
  { policy, retryAfterSeconds }: AnswerOptions,
): { retryAfterSeconds?: number } {
  const { actor, dryRun } = change.request
  return dryRun || isImpatient(actor, policy) ? {} : { retryAfterSeconds }
}

function unavailable(change: Change, why: Unavailability, options: AnswerOptions): Status {
  return {
    code: 503,
    reason: 'ServiceUnavailable',
    message: paragraph(
      `${because[why]}, so it cannot be told whether this write to ${change.kind} ${nameOf(change)} is safe; writes that clear flags or raise no danger pass. Look: the guard's /readyz and its log`,
    ),
    details: { ...about(change), causes: [], ...retryOf(change, options) },
  }
}

const because: Readonly<Record<Unavailability, string>> = {
  'disk-map-not-synced': 'the guard has not read all Longhorn objects yet',
  'disk-map-too-old': 'the guard has lost touch with the API server and its view of the disks is too old',
  'disk-map-incomplete': 'the guard cannot read some Longhorn objects, which its log names',
  'reservations-unreachable': 'the guard cannot record what it admits (Leases in its own namespace)',
  'not-confirmed': 'the guard cannot read past its cache what it would have to know',
  'object-not-known':
    'the API server does not have this object as it was reviewed (in that version; or for a creation, not at all, and for a data source its image), or too many objects are being created',
}

function about(change: Change) {
  return { name: line(nameOf(change)), group, kind: change.kind }
}

function causes(change: Change, findings: readonly Finding[]): Status['details']['causes'] {
  return findings
    .slice(0, toldFindings)
    .map(({ rule, message }) => ({ reason: rule, message: line(message), field: field(change) }))
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

/** One line: a newline in a name must not look like another finding. */
function sentence({ message, clears }: Finding): string {
  return plainLine(`${message}. What clears it: ${clears}`)
}

function tell<F extends Finding>(findings: readonly F[], say: (finding: F) => string): string[] {
  const more = findings.length - toldFindings
  const told = findings.slice(0, toldFindings).map(say)
  return more > 0 ? [...told, `and ${more} more of this kind`] : told
}
