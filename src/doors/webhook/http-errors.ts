import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { peerAddress } from '../../text/plain-text.ts'
import type { Timers } from '../../time/clock.ts'
import { isOver } from '../http/connection-limit.ts'

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

/** An error of a connection before there is a request, as Node reports it. */
type ConnectionError = Error & { readonly code?: string }

/** The alerts of a client that rejects our certificate; Go's is BAD_CERTIFICATE. */
const distrust =
  /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNSUPPORTED_CERTIFICATE)/

/** The time for which a connection stays open after its last answer, in milliseconds. */
const lastAnswerMs = 1_000

/** Handles connections that fail before there is a request to answer. */
export class ClientErrors {
  readonly #keepAliveTimeoutMs: number
  readonly #timers: Timers
  readonly #log: Log
  #logged = new LogOnce()

  constructor(keepAliveTimeoutMs: number, { timers, log }: { readonly timers: Timers; readonly log: Log }) {
    this.#keepAliveTimeoutMs = keepAliveTimeoutMs
    this.#timers = timers
    this.#log = log
  }

  /** Handles `clientError` of Node's server, which reports failed handshakes as well. */
  readonly onClientError = (error: ConnectionError, socket: Socket): void => {
    this.#noteDistrust(error, socket)
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesRead === 0) {
      // Node counts headersTimeout from the moment a connection opens. Go opens spare connections and keeps
      // them for later. It does not repeat a POST that meets a closing one (kubernetes.md, Connections).
      socket.setTimeout(this.#keepAliveTimeoutMs)
      return
    }
    // It fails again when the client's end comes, after its answer.
    if (error.code === 'ECONNRESET' || isOver(socket)) return
    // Below HTTP no client would read an HTTP answer.
    if (!socket.writable || /^ERR_(?:SSL|TLS)/.test(error.code ?? '')) socket.destroy(error)
    else this.#answerLast(socket, response(error.code))
  }

  /** Ends the connection with this answer. A connection that is closed while bytes come is reset, and the answer is lost. */
  #answerLast(socket: Socket, answer: string): void {
    // Node's parser would take these bytes for requests. It reads past all listeners until another one is added.
    socket.on('data', () => undefined).removeAllListeners('data')
    socket.resume()
    const cancel = this.#timers.setTimer(lastAnswerMs, () => socket.destroy())
    socket.once('close', cancel).end(answer)
  }

  /** After the certificate was replaced, distrust is news again. */
  certificateReplaced(): void {
    this.#logged = new LogOnce()
  }

  /** If the API server itself does not trust the certificate, no review ever arrives. */
  #noteDistrust({ code }: ConnectionError, socket: Socket): void {
    if (code === undefined || !distrust.test(code) || !this.#logged.isNew(code)) return
    this.#log.warn(
      { code, client: peerAddress(socket.remoteAddress) },
      'a client does not trust the serving certificate; if it is the API server, the caBundle of the ValidatingWebhookConfiguration does not belong to it',
    )
  }
}

function response(code: string | undefined): string {
  const [status, error] =
    code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? ['408 Request Timeout', 'The request did not arrive in time.']
      : code === 'HPE_HEADER_OVERFLOW'
        ? ['431 Request Header Fields Too Large', 'The headers of the request are too large.']
        : ['400 Bad Request', 'This is not an HTTP/1.1 request.']
  const body = JSON.stringify({ error })
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Limit of remembered keys. At the limit the memory is cleared, and each key is logged once more. */
const remembered = 1_000

/**
 * Remembers which lines were logged. Longhorn's controllers retry a denied write up to 50 times a second
 * (longhorn.md §3), and must not flood the log.
 */
export class LogOnce {
  readonly #logged = new Set<string>()

  /** True the first time it sees this combination of parts. */
  isNew(...parts: readonly string[]): boolean {
    // Names and problems have no length limit.
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64')
    if (this.#logged.has(key)) return false
    if (this.#logged.size >= remembered) this.#logged.clear()
    this.#logged.add(key)
    return true
  }
}

/** Reports events that only the door knows. Has the shape of pino. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>> & { readonly err: Error }, message: string): void
}
