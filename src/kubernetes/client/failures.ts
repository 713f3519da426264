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

/** True for HTML, as login pages and proxies send it. */
export function isPage(text: string): boolean {
  return /^\s*<(?:!doctype|html|head|body|\?xml)/i.test(text)
}

/** The advice for an answer that no API server gives. */
export const notTheApi =
  'A login page or a proxy answers there instead of the Kubernetes API. Check the server of the cluster in the kubeconfig.'

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
