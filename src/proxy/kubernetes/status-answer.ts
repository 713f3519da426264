import type { Status } from '../../gate/answer.ts'
import { escapedText, plainText } from '../../text/plain-text.ts'
import type { OwnAnswer } from '../door.ts'

/** Reasons as the API server names them, where clients look at them. */
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

/** A failure as the API server writes it: a `metav1.Status`, which kubectl shows. What acts on a screen is taken out. */
export function statusAnswer(status: number, message: string): OwnAnswer {
  return answerWith(status, { reason: reasons[status] ?? 'InternalError', message: plainText(message) })
}

/** As the API server answers whoever has proved nothing. */
export const unauthorized: OwnAnswer = statusAnswer(401, 'Unauthorized')

/** What the gate says, as the answer to the write itself; a hold makes client-go programs wait and ask again. */
export function deniedAnswer({ code, reason, message, details }: Status): OwnAnswer {
  const answer = answerWith(code, { reason, message, details })
  if (details.retryAfterSeconds === undefined) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(details.retryAfterSeconds) } }
}

/** What clients that retry wait, in seconds. */
const retryAfterSeconds = 2

/** The same where the guard's webhook has said it, of a dry run. */
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
