/**
 * Answers other than HTTP 200. The API server takes them for a **call failure** and applies `failurePolicy`
 * (kubernetes.md, The answer). Only requests that cannot be answered as a review end here:
 *
 * | status | when |
 * | --- | --- |
 * | 400 | no JSON, an empty body, a body cut short, a body without even `request.uid` |
 * | 401 | no client certificate, where one is asked for |
 * | 403 | a client certificate that is not accepted |
 * | 404, 405 | another path than `/validate`, another method than POST |
 * | 413 | a body above a limit: larger than the API server sends, or with more values. One of the latter that begins as API servers begin a review is answered as a review |
 * | 415 | another content type than `application/json`, or a body that is compressed |
 * | 500 | an error in Holdfast itself, outside the gate |
 * | 503 | more bodies than can be read, most of them from this address; where nothing is enforced, a review among them passes |
 */
export interface HttpProblem {
  readonly status: number
  /** For a person with curl, or with kubectl. */
  readonly error: string
}

/** Thrown for a body that is not JSON. */
export class NoJson extends Error {
  constructor(cause: unknown) {
    super('The body is not JSON', { cause })
    this.name = 'NoJson'
  }
}

const expected = 'Send an AdmissionReview of admission.k8s.io/v1 as application/json by POST to /validate'

/** Thrown for JSON that would take long to read. */
export class TooManyValues extends Error {
  constructor(most: number) {
    super(`The body has more than ${most} values`)
    this.name = 'TooManyValues'
  }
}

/** Thrown for a body that is not read, since too many wait. */
export class TooBusy extends Error {
  constructor() {
    super('Too many bodies wait to be read')
    this.name = 'TooBusy'
  }
}

/** The answer to an unknown path or method. */
export function notServed(method: string, url: string): HttpProblem {
  if (url.split('?', 1)[0] === '/validate') {
    return { status: 405, error: `/validate does not answer ${method}. ${expected}.` }
  }
  return { status: 404, error: `There is nothing at this path. ${expected}.` }
}

/** The answer to a body that is compressed, or encoded in another way. */
export const encodedProblem: HttpProblem = {
  status: 415,
  error: 'The body is encoded (Content-Encoding), and API servers send reviews as they are.',
}

/** The answer to a body that is shorter or longer than it should be. */
export const cutShort: HttpProblem = {
  status: 400,
  error: 'The body is not as long as its Content-Length says.',
}

/** The answer to an unread body, though it may be a review. */
export function unreadProblem(error: TooManyValues | TooBusy): HttpProblem {
  return error instanceof TooManyValues
    ? { status: 413, error: `${error.message}, more than the largest object of Longhorn has.` }
    : { status: 503, error: `${error.message}, most of them from this address. Send fewer at once.` }
}

/** True for a body with more bytes than the limit. */
export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === 'FST_ERR_CTP_BODY_TOO_LARGE'
}

/** The answer to a request that does not get as far as a review; undefined for a bug in Holdfast. */
export function problemOf(error: unknown, bodyLimitBytes: number): HttpProblem | undefined {
  if (error instanceof NoJson) return { status: 400, error: `${error.message}. ${expected}.` }
  if (error instanceof TooManyValues || error instanceof TooBusy) return unreadProblem(error)
  switch (codeOf(error)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return {
        status: 413,
        error: `The body is larger than ${bodyLimitBytes} bytes, more than an API server sends.`,
      }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return { status: 415, error: `This content type is not understood. ${expected}.` }
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return cutShort
    case 'ECONNRESET':
      return { status: 400, error: 'The connection ended before the body did.' }
    default:
      return undefined
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
