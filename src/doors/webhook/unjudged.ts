import { group } from '../../longhorn/kinds.ts'
import { type Change, type JudgedKind, nameOf } from '../../rules/change.ts'
import { isImpatient } from '../../rules/policy.ts'
import type { AdmissionAnswer } from './admission-review.ts'
import type { HttpProblem } from './http-errors.ts'
import type { UnreadableWrite } from './normalise.ts'

/** The door's own answers to changes that cannot be or were not judged. */

/** A write that the guard does not judge. Never denied: the registration is wrong, not the write. */
export function answerNotJudged(what: string): AdmissionAnswer {
  return {
    warnings: [
      `Holdfast does not judge ${what} and lets it pass; its ValidatingWebhookConfiguration asks for more than it needs`,
    ],
    auditAnnotations: { decision: 'allow', reason: 'not-judged' },
  }
}

/** A review that contradicts itself. No API server sends one, so a denial harms no user. */
export function answerMalformed(problem: string): AdmissionAnswer {
  return {
    status: {
      code: 400,
      reason: 'BadRequest',
      message: `${problem}. The sender of this review is not a Kubernetes API server, or a program in between altered it: check the ValidatingWebhookConfiguration and that program`,
      details: { name: '', group: '', kind: '', causes: [] },
    },
    warnings: [],
    auditAnnotations: { decision: 'refuse', reason: 'malformed' },
  }
}

/**
 * A write with an unreadable object: a newer Longhorn may give a field another type. It is denied if it could
 * arm, and admitted otherwise: the guard must not stop a Longhorn that it does not know.
 *
 * @param name of the object
 */
export function answerUnreadable(write: UnreadableWrite, name: string): AdmissionAnswer {
  const what = `${write.kind} ${name}`
  const unread = `Holdfast cannot read this ${what}: ${write.problem}`
  const { arming } = write
  if (arming === undefined) {
    return {
      warnings: [
        `${unread}. The write passes, since it raises no danger; other writes to the object may be denied`,
      ],
      auditAnnotations: { decision: 'allow', reason: 'unreadable' },
    }
  }
  return {
    status: {
      code: 403,
      reason: 'Forbidden',
      message: `${unread}. It is denied because ${arming}, and Holdfast cannot tell without the object whether that crashes a manager or loses data. What to do: correct the field, or install a Holdfast that knows this Longhorn release; writes that clear flags pass`,
      details: {
        name,
        group,
        kind: write.kind,
        causes: [{ reason: 'unreadable', message: write.problem, field: '' }],
      },
    },
    warnings: [],
    auditAnnotations: { decision: 'refuse', reason: 'unreadable' },
  }
}

/** An object, and the namespace that it is in. */
interface Elsewhere {
  readonly kind: JudgedKind
  readonly name: string
  readonly namespace: string
}

/** A write that could raise danger in a namespace that the guard does not follow. */
export function answerElsewhere(
  { kind, name, namespace }: Elsewhere,
  longhornNamespace: string,
): AdmissionAnswer {
  const message = `${kind} ${name} is in namespace ${namespace}, and this guard follows Longhorn in namespace ${longhornNamespace}`
  return {
    status: {
      code: 403,
      reason: 'Forbidden',
      message: `${message}. So it cannot tell whether this write is safe. If Longhorn runs in ${namespace}, start the guard with --longhorn-namespace ${namespace}. If not, leave ${namespace} out of its ValidatingWebhookConfiguration with a namespaceSelector`,
      details: { name, group, kind, causes: [{ reason: 'other-namespace', message, field: '' }] },
    },
    warnings: [],
    auditAnnotations: { decision: 'refuse', reason: 'other-namespace' },
  }
}

/** The inputs of the answer to a change that the gate failed to decide. */
export interface UndecidedOptions {
  /** Where Longhorn runs; a Retry-After would block a worker of its controllers (longhorn.md §3). */
  readonly longhornNamespace: string
  /** The accounts that must not wait either; see Policy. */
  readonly impatient: readonly string[]
  /** Retry-After for client-go programs, in seconds, at least 1. */
  readonly retryAfterSeconds: number
}

/** A change that the gate failed to decide: arming ones are denied, all others admitted. */
export function answerUndecided(change: Change, arming: boolean, options: UndecidedOptions): AdmissionAnswer {
  const what = `this write to ${change.kind} ${nameOf(change)}`
  if (!arming) {
    return {
      warnings: [
        `Holdfast failed to judge ${what}; it passes, since it raises no danger. Look: Holdfast's log`,
      ],
      auditAnnotations: { decision: 'allow', reason: 'undecided' },
    }
  }
  const { actor, dryRun, uid } = change.request
  const retry = dryRun || isImpatient(actor, options) ? {} : { retryAfterSeconds: options.retryAfterSeconds }
  return {
    status: {
      code: 503,
      reason: 'ServiceUnavailable',
      message: `Holdfast failed to judge ${what}, so it cannot tell whether it is safe. Writes that clear flags or raise no danger pass. Look: Holdfast's log, which names the review ${uid}`,
      details: { name: nameOf(change), group, kind: change.kind, causes: [], ...retry },
    },
    warnings: [],
    auditAnnotations: { decision: 'unavailable', reason: 'undecided' },
  }
}

/** An arming change that gave way during its decision, since others need the memory of its review. */
export function answerGaveWay(change: Change, options: UndecidedOptions): AdmissionAnswer {
  const { actor, dryRun } = change.request
  const retry = dryRun || isImpatient(actor, options) ? {} : { retryAfterSeconds: options.retryAfterSeconds }
  const message = `Too many large reviews wait for Holdfast, most of them from the address of this one. So it does not judge this write to ${change.kind} ${nameOf(change)} now. Nothing was changed; try again. Writes that clear flags or raise no danger pass`
  return {
    status: {
      code: 503,
      reason: 'ServiceUnavailable',
      message,
      details: { name: nameOf(change), group, kind: change.kind, causes: [], ...retry },
    },
    warnings: [],
    auditAnnotations: { decision: 'unavailable', reason: 'gave-way' },
  }
}

/** An unread review, of which only the uid is known. */
export function answerUnread({ status, error }: HttpProblem): AdmissionAnswer {
  const message = `${error} So Holdfast does not read this write, and cannot tell whether it is safe`
  const details = { name: '', group: '', kind: '', causes: [] }
  if (status === 413) {
    return {
      status: { code: 413, reason: 'RequestEntityTooLarge', message, details },
      warnings: [],
      auditAnnotations: { decision: 'refuse', reason: 'unread' },
    }
  }
  return {
    status: { code: 503, reason: 'ServiceUnavailable', message, details },
    warnings: [],
    auditAnnotations: { decision: 'unavailable', reason: 'unread' },
  }
}
