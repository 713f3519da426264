import type { DenialStatus } from '../../../gate/answer.ts'
import type { UnjudgedWrite } from '../../../gate/ports.ts'
import { group, kinds } from '../../../longhorn/kinds.ts'
import type { JudgedKind, Request } from '../../../rules/change.ts'
import { escapedText, plainText } from '../../../text/plain-text.ts'
import type { OwnAnswer } from '../door.ts'
import { targetOf } from '../target.ts'

/** The methods that write. */
type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A write to an object of a judged kind. */
export interface NamedWrite {
  readonly kind: JudgedKind
  /** Undefined for the whole collection: a create, or a delete of all matching objects. */
  readonly name: string | undefined
  readonly method: Method
}

/** A judged write to the Kubernetes API. */
export interface Write extends NamedWrite {
  readonly namespace: string
}

/**
 * The judged kinds, by their plurals, in every version: the API server converts older ones (kubernetes.md,
 * The request).
 */
export const judged: ReadonlyMap<string, JudgedKind> = new Map(
  (['Node', 'BackingImage', 'BackingImageDataSource'] as const).map((kind) => [kinds[kind].plural, kind]),
)

/** True for a method that writes. */
export function isWriting(method: string): method is Method {
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE'
}

/**
 * Finds the write in a request; undefined for one that just passes. Main resources only: a denied status
 * write would block the very clean-up that has to end (longhorn.md §3).
 */
export function writeOf(method: string, target: string): Write | undefined {
  if (!isWriting(method)) return undefined
  const [apis, named, , namespaces, namespace, plural, name, ...more] = targetOf(target).segments
  if (apis !== 'apis' || named !== group || namespaces !== 'namespaces' || more.length > 0) return undefined
  const kind = judged.get(plural ?? '')
  if (kind === undefined || namespace === undefined) return undefined
  return { kind, namespace, name, method }
}

/** The operation of a method, as a review names it. */
export function operationBy(method: Method): 'CREATE' | 'UPDATE' | 'DELETE' {
  if (method === 'POST') return 'CREATE'
  return method === 'DELETE' ? 'DELETE' : 'UPDATE'
}

/** Reasons as the API server names them, since clients look at them. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  429: 'TooManyRequests',
  500: 'InternalError',
  502: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/**
 * A failure as the API server writes it: a `metav1.Status`, which kubectl shows. Characters that act on a
 * screen are removed.
 */
export function statusAnswer(status: number, message: string): OwnAnswer {
  return answerWith(status, { reason: reasons[status] ?? 'InternalError', message: plainText(message) })
}

/** The API server's answer to a client without credentials. */
export const unauthorized: OwnAnswer = statusAnswer(401, 'Unauthorized')

/** The gate's verdict, as the answer to the write itself; after a hold client-go programs wait and retry. */
export function deniedAnswer({ code, reason, message, details }: DenialStatus): OwnAnswer {
  const answer = answerWith(code, { reason, message, details })
  if (details.retryAfterSeconds === undefined) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(details.retryAfterSeconds) } }
}

/** The wait before a retry, in seconds. */
const retryAfterSeconds = 2

/** The same for a verdict of the guard's webhook about a dry run. */
export function heldAnswer(message: string): OwnAnswer {
  const answer = answerWith(429, { reason: 'TooManyRequests', message, details: { retryAfterSeconds } })
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(retryAfterSeconds) } }
}

function answerWith(code: number, fields: object): OwnAnswer {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...fields, code }
  return {
    status: code,
    headers: { 'content-type': 'application/json' },
    body: `${escapedText(JSON.stringify(body))}\n`,
  }
}
export function recordedAs({ kind, name = '', method }: Write, request: Request): Omit<UnjudgedWrite, 'why'> {
  return { request, kind, name, operation: operationBy(method) }
}
