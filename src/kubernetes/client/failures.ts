import { STATUS_CODES } from 'node:http'
import { Type } from 'typebox'
import { absent, parser } from '../../json/schema.ts'

/** The fields of a `metav1.Status` with the reason. */
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

/** The API server answered with a failure. A missing answer is a `ConnectionFailure`. */
export class ApiFailure extends Error {
  /** The HTTP status, or that of an ERROR event. */
  readonly code: number
  /** `Forbidden`, `Conflict`, `Expired`, …; empty if the answer is not the API server's. */
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
 * Reads the answer to a request that failed. Proxies and unknown paths answer in plain text or HTML: then the
 * result has only the code and the beginning of the text.
 *
 * @param what the request, for the message: `GET /apis/…`
 * @param code the HTTP status
 * @param retryAfter the header, if there was one
 */
export function readFailure(what: string, code: number, text: string, retryAfter?: string): ApiFailure {
  const status = parseStatus(jsonOrNothing(text))
  const { reason, message, details } = status.ok ? status.value : {}
  const said = (message ?? text.slice(0, 200)).trim()
  const answered = `answered ${code} ${STATUS_CODES[code] ?? ''} to ${what}${said === '' ? '' : `: ${said}`}`
  return new ApiFailure({
    code,
    reason: reason ?? '',
    message: status.ok ? `The API server ${answered}` : `The API server ${answered}${adviceFor(code, text)}`,
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

/** The advice if another server than the API server seems to have answered. */
function adviceFor(code: number, text: string): string {
  if (/http request (?:was sent )?to (?:an )?https (?:server|port)/i.test(text))
    return '. The server of the cluster in the kubeconfig has to begin with https://.'
  return isPage(text) || (code >= 300 && code < 400) ? `. ${notTheApi}` : ''
}

/** True for HTML, as login pages and proxies send it. */
export function isPage(text: string): boolean {
  return /^\s*<(?:!doctype|html|head|body|\?xml)/i.test(text)
}

/** The advice for an answer that no API server gives. */
export const notTheApi =
  'A login page or a proxy answers there instead of the Kubernetes API. Check the server of the cluster in the kubeconfig.'

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON: the caller shows the text as it is.
    return undefined
  }
}

/**
 * Why no complete answer came:
 * - `credentials`: a token, certificate or exec plugin of the kubeconfig is unusable
 * - `unreachable`: no connection (refused, name not found, certificate not trusted), or lost before the
 *   answer
 * - `timed-out`: connected, but no headers in time
 * - `silent`: the body stopped without an end
 * - `cut`: the connection was lost in the middle of the body
 */
export type ConnectionFailureKind = 'credentials' | 'unreachable' | 'timed-out' | 'silent' | 'cut'

/** The API server did not answer, or not to the end. Failures that it answers are an `ApiFailure`. */
export class ConnectionFailure extends Error {
  readonly kind: ConnectionFailureKind

  constructor(kind: ConnectionFailureKind, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ConnectionFailure'
    this.kind = kind
  }
}

/** True if the certificate of the server is not trusted, or does not have its name. */
export function isDistrust(error: unknown): boolean {
  return /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO_VERIFY/.test(errorCode(error) ?? '')
}

/** The `code` of an error of Node (`ECONNREFUSED`), if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * Reads a Retry-After header in seconds. The API server writes whole seconds only. A date, which a proxy
 * might write, counts as absent, and the normal back-off applies.
 */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined
}
