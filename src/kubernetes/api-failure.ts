import { STATUS_CODES } from 'node:http'
import { Type } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'
import { parseRetryAfter } from './retry-after.ts'

/** The fields of a `metav1.Status` that say why. */
export const StatusSchema = Type.Object({
  code: absent(Type.Integer()),
  reason: absent(Type.String()),
  message: absent(Type.String()),
  details: absent(
    Type.Object({
      retryAfterSeconds: absent(Type.Integer()),
      causes: absent(
        Type.Array(Type.Object({ reason: absent(Type.String()), message: absent(Type.String()) })),
      ),
    }),
  ),
})

/** The API server answered, and the answer is no. What did not come at all is a `ConnectionFailure`. */
export class ApiFailure extends Error {
  /** The HTTP status, or that of an ERROR event. */
  readonly code: number
  /** `Forbidden`, `Conflict`, `Expired`, …; empty if somebody else than the API server answered. */
  readonly reason: string
  readonly retryAfterSeconds: number | undefined
  /** The reasons of the causes in detail: `ResourceVersionTooLarge`. */
  readonly causes: readonly string[]

  constructor(fields: Pick<ApiFailure, 'code' | 'reason' | 'message' | 'retryAfterSeconds' | 'causes'>) {
    super(fields.message)
    this.name = 'ApiFailure'
    this.code = fields.code
    this.reason = fields.reason
    this.retryAfterSeconds = fields.retryAfterSeconds
    this.causes = fields.causes
  }
}

/** True if the API server says that a right is missing. */
export function isForbidden(error: unknown): error is ApiFailure {
  return error instanceof ApiFailure && error.code === 403
}

const parseStatus = parser(StatusSchema, (raw) => raw)

/**
 * Reads the answer to a request that failed. Proxies and unknown paths answer in plain text or HTML: then there is
 * only the code, and the beginning of the text.
 *
 * @param what the request, for the message: `GET /apis/…`
 * @param code the HTTP status
 * @param retryAfter the header, if there was one
 */
export function readFailure(what: string, code: number, text: string, retryAfter?: string): ApiFailure {
  const status = parseStatus(jsonOrNothing(text))
  const { reason, message, details } = status.ok ? status.value : {}
  const said = (message ?? text.slice(0, 200)).trim()
  return new ApiFailure({
    code,
    reason: reason ?? '',
    message: `The API server answered ${code} ${STATUS_CODES[code] ?? ''} to ${what}${said === '' ? '' : `: ${said}`}`,
    retryAfterSeconds: parseRetryAfter(retryAfter) ?? details?.retryAfterSeconds ?? undefined,
    causes: (details?.causes ?? []).flatMap((cause) => cause.reason ?? []),
  })
}

/** An ERROR event of a watch carries the same Status, with the code inside. */
export function readErrorEvent(what: string, object: unknown): ApiFailure {
  const status = parseStatus(object)
  const code = status.ok ? (status.value.code ?? 500) : 500
  return readFailure(what, code, JSON.stringify(object))
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the caller shows the text as it is.
    return undefined
  }
}
