import type { Status } from '../../gate/answer.ts'
import type { Outcome } from '../../gate/ports.ts'
import type { Verdict } from '../../gate/verdict.ts'
import { cut, plainLine, plainText } from '../../text/plain-text.ts'
import { admissionVersion } from './admission-review.ts'

/** 20 kB of message reach the user whole (kubernetes.md, The answer). */
const maxMessageCharacters = 16_384

/** For names and annotations, which a person reads at a glance. */
const maxLineCharacters = 1_024

/** A status from the gate, or one for a review that contradicts itself, or is too large. */
type AdmissionStatus =
  | Status
  | (Omit<Status, 'code' | 'reason'> &
      (
        | { readonly code: 400; readonly reason: 'BadRequest' }
        | { readonly code: 413; readonly reason: 'RequestEntityTooLarge' }
      ))

/** The content of an answer to a review. */
export interface AdmissionAnswer {
  /** Why the review is denied; undefined allows it. */
  readonly status?: AdmissionStatus
  readonly warnings: readonly string[]
  /**
   * For the API server's audit log: Holdfast's own words, never a name. Keys without a slash, at most 63
   * characters.
   */
  readonly auditAnnotations: Readonly<Record<string, string>>
}

/** The answer of the gate, with its entries for the audit log. */
export function answerOf({ verdict, answer }: Outcome): AdmissionAnswer {
  return {
    ...(answer.allowed ? {} : { status: answer.status }),
    warnings: answer.warnings,
    auditAnnotations: annotate(verdict),
  }
}

function annotate(verdict: Verdict): Record<string, string> {
  const { decision } = verdict
  switch (decision) {
    case 'allow':
      return { decision, ...(verdict.mark && { reason: verdict.mark }), ...rules(verdict.warnings) }
    case 'hold':
    case 'refuse':
      return { decision, ...rules([...verdict.objections, ...verdict.warnings]) }
    case 'unavailable':
      return { decision, reason: verdict.why, ...rules(verdict.warnings) }
  }
}

function rules(findings: readonly { readonly rule: string }[]): { rules?: string } {
  if (findings.length === 0) return {}
  return { rules: [...new Set(findings.map(({ rule }) => rule))].join(',') }
}

/**
 * The body of an answer to the review `uid`. It is always sent with HTTP 200: any other status counts as a
 * failed call for the API server (kubernetes.md, The answer). Characters that act on a terminal are removed.
 */
export function admissionReview(uid: string, { status, warnings, auditAnnotations }: AdmissionAnswer) {
  const fitting = warnings.length === 0 ? [] : fitWarnings(warnings)
  return {
    apiVersion: admissionVersion,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: status === undefined,
      ...(status && { status: cleanStatus(status) }),
      ...(fitting.length > 0 && { warnings: fitting }),
      auditAnnotations,
    },
  }
}

function cleanStatus({ code, reason, message, details }: AdmissionStatus) {
  return {
    code,
    reason,
    message: cut(plainText(message), maxMessageCharacters),
    details: {
      ...details,
      name: line(details.name),
      causes: details.causes.map((cause) => ({
        reason: line(cause.reason),
        message: line(cause.message),
        field: line(cause.field),
      })),
    },
  }
}

function line(text: string): string {
  return cut(plainLine(text), maxLineCharacters)
}

/** Above this many characters in all the API server cuts each warning to 256 (kubernetes.md, The answer). */
const maxCharacters = 4096

/** Room for the line with the number of omitted warnings. */
const noteCharacters = 40

/** Fewer characters than this of a warning are useless. */
const minUsefulCharacters = 80

/**
 * Makes warnings that the API server forwards whole: it would silently drop one with a newline, tab or ESC.
 * Warnings that do not fit are dropped from the end, and counted. The API server counts code points; counting
 * UTF-16 units errs on the safe side.
 */
export function fitWarnings(texts: readonly string[]): string[] {
  // A duplicate warning is shown once.
  const warnings = [...new Set(texts.map((text) => plainLine(text).trim()))].filter((text) => text !== '')
  const total = warnings.reduce((sum, { length }) => sum + length, 0)
  if (total <= maxCharacters) return warnings
  let room = maxCharacters - noteCharacters
  const kept: string[] = []
  for (const warning of warnings) {
    if (warning.length > room) {
      // A warning that is too long alone is cut; one that would fit alone is left out whole.
      if (warning.length > maxCharacters - noteCharacters && room >= minUsefulCharacters) {
        kept.push(cut(warning, room))
      }
      break
    }
    kept.push(warning)
    room -= warning.length
  }
  const more = warnings.length - kept.length
  return more === 0 ? kept : [...kept, `… and ${more} more`]
}
