import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { abortReason, type Clock, onAbort } from '../../time/clock.ts'
import { ConnectionFailure, type ConnectionFailureKind, isDistrust } from './failures.ts'
import type { Headers } from './kubeconfig.ts'
import type { Way } from './route.ts'
import type { TlsMaterial } from './tls-material.ts'
import { shownUrl } from './url.ts'
import { inWords, mayNeedTls } from '../../text/system-error.ts'

const defaultHeadersTimeoutMs = 30_000
const defaultIdleTimeoutMs = 90_000
const defaultMostBytes = 128 * 1024 * 1024

/** A server, and the route to it. */
interface Destination {
  /** It may have a path, which goes before the path of the request. */
  readonly server: URL
  /** For messages. */
  readonly proxy: URL | undefined
  readonly way: Way
}

/** TLS material, and the headers with credentials. */
type ProvenOptions = TlsMaterial & { readonly headers: Headers }

/**
 * Sends one request and waits for the headers of the answer.
 *
 * A read that fails on a reused connection is sent once more: the server closed the idle connection and has
 * not seen the request.
 *
 * @throws ConnectionFailure, or the signal's reason
 */
export async function exchange(
  destination: Destination,
  options: ProvenOptions,
  request: ApiRequest,
  clock: Clock,
): Promise<ApiResponse> {
  const { agent, fresh } = destination.way
  const { failure, response, onReusedConnection } = await attempt(
    destination,
    { ...options, agent },
    request,
    clock,
  )
  if (response) return response
  if (!onReusedConnection || request.method !== 'GET') throw failure
  const second = await attempt(destination, { ...options, agent: fresh }, request, clock)
  if (second.response) return second.response
  throw second.failure
}

type Attempt =
  | { readonly response: ApiResponse; readonly failure?: never; readonly onReusedConnection?: never }
  | { readonly response?: never; readonly failure: Error; readonly onReusedConnection: boolean }

function attempt(
  { server, proxy, way }: Destination,
  options: ProvenOptions & { readonly agent: http.Agent },
  request: ApiRequest,
  clock: Clock,
): Promise<Attempt> {
  const { signal } = request
  const headersTimeoutMs = request.headersTimeoutMs ?? defaultHeadersTimeoutMs
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve({ failure: abortReason(signal), onReusedConnection: false })
      return
    }
    const send = server.protocol === 'https:' ? https.request : http.request
    const url = urlOf(server, request)
    const outgoing = send(url, {
      ...options,
      path: `${way.prefix}${url.pathname}${url.search}`,
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': 'holdfast',
        // Node sends the body of a DELETE without any framing, and servers cannot read that.
        ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
        ...way.headers,
        ...headersOf(options),
        ...request.headers,
      },
    })

    // A request that waits for a connection through a proxy does not notice its own abort.
    const giveUp = (failure: Error): void => {
      cancelTimeout()
      forget()
      outgoing.destroy(failure)
      resolve({ failure, onReusedConnection: false })
    }
    const forget = onAbort(signal, () => giveUp(abortReason(signal)))
    const cancelTimeout = clock.setTimer(headersTimeoutMs, () => {
      const within = `within ${headersTimeoutMs / 1000} s`
      giveUp(new ConnectionFailure('timed-out', `${server.host} did not answer ${what(request)} ${within}.`))
    })
    outgoing.once('response', (incoming) => {
      cancelTimeout()
      forget()
      const idleTimeoutMs = request.idleTimeoutMs ?? defaultIdleTimeoutMs
      const { mostBytes = defaultMostBytes } = request
      const asked = { what: what(request), server, clock, mostBytes }
      const body = responseBody(incoming, { signal, idleTimeoutMs, ...asked })
      resolve({ response: { status: incoming.statusCode ?? 0, headers: incoming.headers, ...body } })
    })
    // Stays to the end: the request can fail after its response has come.
    outgoing.on('error', (error) => {
      cancelTimeout()
      forget()
      const lost = !signal.aborted && !(error instanceof ConnectionFailure)
      resolve({
        failure: lost ? unreachable(server, proxy, error) : error,
        onReusedConnection: lost && outgoing.reusedSocket,
      })
    })
    outgoing.end(request.body)
  })
}

function urlOf(server: URL, request: ApiRequest): URL {
  const url = new URL(server)
  url.pathname = server.pathname.replace(/\/$/, '') + request.path
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, String(value))
  return url
}

/** A header with several values is sent once for each. */
function headersOf({ headers }: ProvenOptions): Record<string, string | string[]> {
  const pairs = Object.entries(headers).map(
    ([name, value]) => [name, typeof value === 'string' ? value : [...value]] as const,
  )
  return Object.fromEntries(pairs)
}

function what({ method, path }: ApiRequest): string {
  return `${method} ${path}`
}

function unreachable(server: URL, proxy: URL | undefined, cause: Error): ConnectionFailure {
  const advice = isDistrust(cause)
    ? 'Its certificate is not trusted: check certificate-authority and tls-server-name of the cluster in the kubeconfig.'
    : server.protocol === 'http:' && mayNeedTls(cause)
      ? 'If it speaks https, the server of the cluster in the kubeconfig has to begin with https://.'
      : proxy
        ? 'Check the address, the proxy (proxy-url of the cluster, else HTTPS_PROXY and NO_PROXY), and that the server runs.'
        : 'Check the address, the network, and that the server runs.'
  const through = proxy ? ` through the proxy ${shownUrl(proxy)}` : ''
  return new ConnectionFailure(
    'unreachable',
    `Cannot reach the API server at ${shownUrl(server)}${through}: ${inWords(cause)}. ${advice}`,
    cause,
  )
}
/** One request to the API server. */

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute, encoded, without the query: `/apis/longhorn.io/v1beta2/nodes`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Ends the request at any time, also while the body is read. */
  readonly signal: AbortSignal
  /** How long to wait for the answer's headers. Default 30 s: longer than the slowest list takes to start. */
  readonly headersTimeoutMs?: number
  /** How long the body may stay silent. Default 90 s: a half-open connection gives no other sign. */
  readonly idleTimeoutMs?: number
  /** How large an answer that is read whole may be. Default 128 MiB: ten times the largest list of the largest clusters. */
  readonly mostBytes?: number
}
/** The API server's answer, whatever the status. Callers read its body to the end, or leave it by `break`. */

export interface ApiResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** Bytes as they come. @throws ConnectionFailure `silent` or `cut`, or the signal's reason */
  readonly body: AsyncIterable<Buffer>
  /** The whole body as UTF-8. @throws as `body` */
  text(): Promise<string>
}

interface BodyOptions {
  readonly signal: AbortSignal
  readonly idleTimeoutMs: number
  /** The request, for messages: `GET /apis/…`. */
  readonly what: string
  readonly server: URL
  readonly clock: Clock
  readonly mostBytes: number
}

/**
 * How long the whole answer may take after its headers, in milliseconds. A server that sends byte after byte
 * is never silent, and a page of a list needs seconds only.
 */
const wholeAnswerMs = 120_000

/**
 * The body of an answer with limits: silence, a lost connection and the caller's signal each end it with a
 * specific error. TCP does not report a peer that has vanished.
 */
function responseBody(incoming: IncomingMessage, options: BodyOptions): Pick<ApiResponse, 'body' | 'text'> {
  return {
    body: guarded(incoming, options),
    text: async () => {
      const chunks: Buffer[] = []
      let bytes = 0
      for await (const chunk of guarded(incoming, options, wholeAnswerMs)) {
        bytes += chunk.length
        if (bytes > options.mostBytes) throw tooLarge(options)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}

/**
 * @param wholeMs how long the whole body may take, in milliseconds; undefined for a body without an end, such
 * as that of a watch
 */
async function* guarded(
  incoming: IncomingMessage,
  { signal, clock, idleTimeoutMs, server, what }: BodyOptions,
  wholeMs?: number,
): AsyncGenerator<Buffer, void> {
  let ended: Error | undefined
  const end = (reason: Error) => {
    ended ??= reason
    incoming.destroy(reason)
  }
  const fail = (kind: ConnectionFailureKind, message: string) => end(new ConnectionFailure(kind, message))
  const stop = () => end(abortReason(signal))
  const silent = () =>
    fail('silent', `${server.host} sent nothing for ${idleTimeoutMs / 1000} s during ${what}.`)
  const late = (ms: number) => () =>
    fail('timed-out', `${server.host} did not end ${what} within ${ms / 1000} s.`)

  const forget = onAbort(signal, stop)
  if (signal.aborted) stop()
  const cancelLate = wholeMs === undefined ? undefined : clock.setTimer(wholeMs, late(wholeMs))
  // Only the wait for the next chunk counts, not the time of its reader.
  let cancelSilent = clock.setTimer(idleTimeoutMs, silent)
  try {
    const chunks: AsyncIterable<unknown> = incoming
    for await (const chunk of chunks) {
      cancelSilent()
      if (Buffer.isBuffer(chunk)) yield chunk
      cancelSilent = clock.setTimer(idleTimeoutMs, silent)
    }
    if (ended) throw ended
  } catch (error) {
    throw ended ?? cut(error, { what, server })
  } finally {
    cancelSilent()
    cancelLate?.()
    forget()
  }
}

function tooLarge({ mostBytes, server, what }: BodyOptions): ConnectionFailure {
  const most = `more than ${mostBytes} bytes, more than is read`
  return new ConnectionFailure('cut', `${server.host} answered ${what} with ${most}.`)
}

function cut(cause: unknown, { what, server }: Pick<BodyOptions, 'what' | 'server'>): ConnectionFailure {
  return new ConnectionFailure(
    'cut',
    `The connection to ${server.host} was lost during ${what}: ${inWords(cause)}.`,
    cause,
  )
}
