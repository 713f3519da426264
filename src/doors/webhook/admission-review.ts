import { type Static, Type } from 'typebox'
import type { Answer, DenialStatus } from '../../gate/answer.ts'
import type { Outcome } from '../../gate/ports.ts'
import type { Verdict } from '../../gate/verdict.ts'
import { optional, fieldOf, hasMoreValues, type Parsed, parser } from '../../json/schema.ts'
import { cut, longestText, plainLine, plainText, shortened } from '../../text/plain-text.ts'
import { mostValues } from '../http/body.ts'
import { NoJson, TooManyValues } from './http-errors.ts'
import { fitWarnings } from './warnings.ts'

/** The one supported version of `admission.k8s.io`; the registration has to ask for it. */
const admissionVersion = 'admission.k8s.io/v1'

/** JSON Schema of a review as the API server sends it (kubernetes.md, The request). */
const AdmissionReviewSchema = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String(),
  request: Type.Object({
    uid: Type.String({ minLength: 1, maxLength: longestText }),
    kind: Type.Object({ group: Type.String(), version: Type.String(), kind: Type.String() }),
    resource: Type.Object({ group: Type.String(), version: Type.String(), resource: Type.String() }),
    subResource: optional(Type.String()),
    name: optional(Type.String()),
    namespace: optional(Type.String()),
    operation: Type.String(),
    userInfo: Type.Object({
      username: optional(Type.String()),
      groups: optional(Type.Array(Type.String())),
    }),
    object: Type.Optional(Type.Unknown()),
    oldObject: Type.Optional(Type.Unknown()),
    dryRun: optional(Type.Boolean()),
  }),
})

/** The question of a review, with unread objects. */
export interface AdmissionRequest {
  /** A new one for each review, though one client request can be reviewed many times. */
  readonly uid: string
  readonly resource: { readonly group: string; readonly resource: string }
  /** Empty on the main resource. */
  readonly subResource: string
  /** Empty on deletecollection and when a namespace is deleted: the old object has it. */
  readonly name: string
  /** That of the request, or else of its object; empty without either. */
  readonly namespace: string
  readonly operation: string
  readonly user: { readonly username: string; readonly groups: readonly string[] }
  /** Undefined on DELETE. */
  readonly object: unknown
  /** Undefined on CREATE. */
  readonly oldObject: unknown
  readonly dryRun: boolean
}

const parseEnvelope = parser(AdmissionReviewSchema, (review) => review)

/** Reads the envelope of an untrusted review. The problem is a sentence that names the field. */
export function parseAdmissionReview(body: unknown): Parsed<AdmissionRequest> {
  const parsed = parseEnvelope(body)
  if (!parsed.ok) return { ok: false, problem: `This is not an AdmissionReview: ${parsed.problem}` }
  const { apiVersion, kind, request } = parsed.value
  if (kind !== 'AdmissionReview') {
    return { ok: false, problem: `This is not an AdmissionReview: kind is ${JSON.stringify(kind)}` }
  }
  if (apiVersion !== admissionVersion) {
    return {
      ok: false,
      problem: `Reviews of ${JSON.stringify(apiVersion)} are not understood, only ${admissionVersion}: set admissionReviewVersions: ["v1"] in the ValidatingWebhookConfiguration`,
    }
  }
  return { ok: true, value: readRequest(request) }
}

/** The maximum of a user's groups that are read. */
const mostGroups = 1_000

function readRequest(raw: Static<typeof AdmissionReviewSchema>['request']): AdmissionRequest {
  return {
    uid: raw.uid,
    resource: { group: raw.resource.group, resource: raw.resource.resource },
    subResource: raw.subResource ?? '',
    name: shortened(raw.name ?? ''),
    namespace:
      shortened(raw.namespace ?? '') ||
      metadataText(raw.object, 'namespace') ||
      metadataText(raw.oldObject, 'namespace'),
    operation: raw.operation,
    user: {
      username: shortened(raw.userInfo.username ?? ''),
      groups: (raw.userInfo.groups ?? []).slice(0, mostGroups).map((group) => shortened(group)),
    },
    object: raw.object ?? undefined,
    oldObject: raw.oldObject ?? undefined,
    dryRun: raw.dryRun ?? false,
  }
}

/** The uid of an otherwise unreadable review, so that it can still be answered. */
export function uidOf(body: unknown): string | undefined {
  const uid = fieldOf(fieldOf(body, 'request'), 'uid')
  return typeof uid === 'string' && uid !== '' && uid.length <= longestText ? uid : undefined
}

/** The name in the review, or else that in the object. */
export function objectName({ name, object, oldObject }: AdmissionRequest): string {
  return name === '' ? metadataText(object ?? oldObject, 'name') : name
}

/** Of an object that may not parse as a whole; empty if it is no text. */
export function metadataText(object: unknown, field: string): string {
  const text = fieldOf(fieldOf(object, 'metadata'), field)
  return typeof text === 'string' ? shortened(text) : ''
}

/**
 * Parses JSON unchanged: fastify's own parser rejects a key `__proto__`, which is a key like any other in
 * maps with free keys.
 *
 * @returns the error if it cannot be read, or not soon
 */
export function parseJson(text: string): { readonly json: unknown } | NoJson | TooManyValues {
  if (hasMoreValues(mostValues, text)) return new TooManyValues(mostValues)
  try {
    return { json: JSON.parse(text) as unknown }
  } catch (error) {
    return new NoJson(error)
  }
}

/**
 * The beginning of an API server's review: Go writes the fields of a struct in their order, and these come
 * first.
 */
const beginning =
  /^\s{0,64}\{"kind":"AdmissionReview","apiVersion":"admission\.k8s\.io\/v1","request":\{"uid":"([\w-]{1,64})"/

/**
 * The uid of an unread review, so that it can still be answered; undefined if it does not begin like one of
 * an API server.
 */
export function leadingUid(text: string): string | undefined {
  return beginning.exec(text.slice(0, 256))?.[1]
}

/** 20 kB of message reach the user whole (kubernetes.md, The answer). */
const maxMessageCharacters = 16_384

/** For names and annotations, which a person reads at a glance. */
const maxLineCharacters = 1_024

/** A status from the gate, or one for a review that contradicts itself, or is too large. */
type AdmissionStatus =
  | DenialStatus
  | (Omit<DenialStatus, 'code' | 'reason'> &
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
export function answerOf(outcome: Outcome): AdmissionAnswer {
  if (outcome.answer.allowed) return admissionAnswer(outcome)
  const known = denials.get(outcome.answer) ?? admissionAnswer(outcome)
  denials.set(outcome.answer, known)
  return known
}

/** A denial that is repeated within a second has the same answer. */
const denials = new WeakMap<Answer, AdmissionAnswer>()

function admissionAnswer({ verdict, answer }: Outcome): AdmissionAnswer {
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
      if (!verdict.mark && verdict.warnings.length === 0) return plainAllow
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

/** The body as JSON in ASCII. */
export function reviewText({ apiVersion, kind, response }: ReturnType<typeof admissionReview>): string {
  const { uid, allowed, status, warnings, auditAnnotations } = response
  const head = `{"apiVersion":"${apiVersion}","kind":"${kind}","response":{"uid":${uidText(uid)},"allowed":${allowed}`
  const isPlain = auditAnnotations === plainAllow && warnings === undefined
  const tail = isPlain ? plainTail : asciiJson({ warnings, auditAnnotations }).slice(1)
  return `${head}${status ? `,"status":${statusText(status)}` : ''},${tail}}`
}

function uidText(uid: string): string {
  return /^[\w-]+$/.test(uid) ? `"${uid}"` : asciiJson(uid)
}

/** The annotations of nearly every answer. */
const plainAllow = { decision: 'allow' }
const plainTail = `"auditAnnotations":${JSON.stringify(plainAllow)}}`

/** JSON with all other characters escaped, which every reader reads the same. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value)
  return otherThanAscii.test(json) ? json.replace(everyOther, escaped) : json
}

const otherThanAscii = /[^\0-\x7f]/
const everyOther = /[^\0-\x7f]/g

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** The message of a denial can have kilobytes, and it is the same each time. */
const texts = new WeakMap<CleanStatus, string>()

function statusText(status: CleanStatus): string {
  const known = texts.get(status) ?? asciiJson(status)
  texts.set(status, known)
  return known
}

/** A denial that is repeated within a second has the same status. */
const cleaned = new WeakMap<AdmissionStatus, CleanStatus>()

type CleanStatus = ReturnType<typeof withoutControls>

function cleanStatus(status: AdmissionStatus): CleanStatus {
  const known = cleaned.get(status) ?? withoutControls(status)
  cleaned.set(status, known)
  return known
}

function withoutControls({ code, reason, message, details }: AdmissionStatus) {
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
