import http from 'node:http'
import https from 'node:https'
import { inWords } from '../../text/system-error.ts'
import { onAbort, timerMs } from '../../time/clock.ts'
import { endToEnd, without } from './headers.ts'
import { RelayFailure, tooLate, tooSlow, unpassable, unreachable } from './relay-failure.ts'

/** The forwarded request. */
export interface Outgoing {
  readonly method: string
  /** Path and query as the client wrote them. */
  readonly target: string
  /** End-to-end headers, unchanged. */
  readonly headers: readonly string[]
  /** The whole body, or its source; undefined without one. */
  readonly body: Buffer | http.IncomingMessage | undefined
  /** Asked right before anything is sent: true gives up. */
  readonly isLate?: (() => boolean) | undefined
}

/** Limits of time. */
interface RelayLimits {
  /** From the end of the request to the headers of the answer, in milliseconds. */
  readonly answerMs: number
}

/** The listener of a request. */
interface RelayListener {
  /** The headers have come; the listener reads the body. */
  answered(answer: http.IncomingMessage): void
  failed(failure: Error): void
}

/** A request on its way. */
interface Sent {
  /** Ends it at any moment, also while the answer is read. The listener gets no more calls. */
  end(): void
}

/**
 * Sends a request to an upstream. It uses callbacks, since a promise and a signal for each cost a fifth of
 * all requests.
 */
export function relay(
  upstream: Upstream,
  outgoing: Outgoing,
  limits: RelayLimits,
  listener: RelayListener,
): Sent {
  const given = upstream.options()
  if (!(given instanceof Promise)) return attempt(upstream, given, outgoing, limits, listener)
  let sent: Sent | undefined
  let ended = false
  given.then(
    (credentials) => {
      if (!ended) sent = attempt(upstream, credentials, outgoing, limits, listener)
    },
    (cause: unknown) => {
      if (!ended) listener.failed(new RelayFailure(502, inWords(cause), { asked: false, cause }))
    },
  )
  return {
    end: () => {
      ended = true
      sent?.end()
    },
  }
}

/**
 * The same for a caller that waits for the headers of the answer.
 *
 * @throws RelayFailure, or the signal's reason
 */
export async function ask(
  upstream: Upstream,
  outgoing: Outgoing,
  limits: RelayLimits,
  signal?: AbortSignal,
): Promise<http.IncomingMessage> {
  signal?.throwIfAborted()
  let forget: (() => void) | undefined
  try {
    return await new Promise((resolve, reject) => {
      const sent = relay(upstream, outgoing, limits, { answered: resolve, failed: reject })
      if (!signal) return
      forget = onAbort(signal, () => {
        sent.end()
        reject(signal.reason as Error)
      })
    })
  } finally {
    forget?.()
  }
}

function attempt(
  upstream: Upstream,
  credentials: Credentials,
  outgoing: Outgoing,
  limits: RelayLimits,
  listener: RelayListener,
): Sent {
  const { server } = upstream
  const { body, method } = outgoing
  let request: http.ClientRequest
  try {
    request = open(upstream, credentials, outgoing)
  } catch (cause) {
    // Node sends no header with a name that HTTP forbids.
    listener.failed(unpassable('the request', cause))
    return { end: () => undefined }
  }
  let ended = false
  // Anything written before there is a connection waits in this process.
  let asked = false
  let second: Sent | undefined
  const fail = (failure: Error): void => {
    clearTimeout(timer)
    if (!ended) listener.failed(failure)
    ended = true
    request.destroy()
  }
  const { answerMs } = limits
  const timer = setTimeout(() => fail(tooSlow(server, asked, answerMs)), timerMs(answerMs))
  request.on('response', (answer) => {
    clearTimeout(timer)
    if (answer.statusCode === 401) credentials.refused?.()
    try {
      listener.answered(answer)
    } catch (cause) {
      fail(unpassable('the answer', cause))
    }
  })
  request.on('upgrade', (_, socket) => {
    socket.destroy()
    fail(unpassable('the answer', new Error('it switches to a protocol that the client did not ask for')))
  })
  // Stays to the end: the request can fail after its answer has come.
  request.on('error', (error) => {
    clearTimeout(timer)
    if (ended) return
    // The server closed an idle connection just when it was used; it has not seen the request.
    const again = request.reusedSocket && body === undefined && (method === 'GET' || method === 'HEAD')
    const { fresh: agent = false } = credentials
    if (again) second = attempt(upstream, { ...credentials, agent }, outgoing, limits, listener)
    else fail(unreachable(server, asked, error))
  })
  const { isLate } = outgoing
  // Making a connection takes time, and a machine may sleep meanwhile.
  whenConnected(request, () => {
    if (isLate?.()) {
      fail(tooLate())
      return
    }
    asked = true
    if (isLate) request.end(body)
  })
  if (body instanceof http.IncomingMessage) {
    // Otherwise an upstream that answers before the body comes would not be asked.
    request.flushHeaders()
    body.on('data', () => timer.refresh())
    body.pipe(request)
    // A client that breaks off in the middle of a body has sent no request.
    body.once('aborted', () => request.destroy())
  } else if (!isLate) {
    request.end(body)
  }
  return {
    end: () => {
      ended = true
      clearTimeout(timer)
      second?.end()
      request.destroy()
    },
  }
}

/** Calls once the request has a connection that is ready for writing. */
export function whenConnected(request: http.ClientRequest, call: () => void): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) call()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', call)
  })
}

/** Not sent yet. */
function open(upstream: Upstream, credentials: Credentials, outgoing: Outgoing): http.ClientRequest {
  const { method, target, headers } = outgoing
  return send(upstream.server, {
    ...credentials,
    method,
    path: pathTo(upstream.server, target),
    // Node sends an array as it is: case, order and repetitions.
    headers: headersFor(upstream, credentials, headers),
  })
}

/** A request to a server. @param options without its address */
export function send(server: URL, options: https.RequestOptions): http.ClientRequest {
  const { protocol, hostname, port } = addressOf(server)
  const whole = { ...options, protocol, hostname, port }
  return protocol === 'https:' ? https.request(whole) : http.request(whole)
}

/** Split once: Node computes the parts of a URL at each access. */
const addresses = new WeakMap<URL, { protocol: string; hostname: string; port: string; path: string }>()

function addressOf(server: URL) {
  const known = addresses.get(server)
  if (known) return known
  const { protocol, port, pathname } = server
  const hostname = server.hostname.replace(/^\[|\]$/g, '')
  const address = { protocol, hostname, port, path: pathname.replace(/\/$/, '') }
  addresses.set(server, address)
  return address
}

/** @returns path and query, after the path of the upstream itself */
export function pathTo(server: URL, target: string): string {
  const { path } = addressOf(server)
  return path === '' ? target : path + target
}

/** The headers of the client, with the proxy's credentials instead of its own. */
export function headersFor(
  { host }: Upstream,
  { headers: proof }: Credentials,
  headers: readonly string[],
): readonly string[] {
  if (proof === undefined && host === undefined) return headers
  const added = proof === undefined ? [] : pairsOf(proof)
  if (host !== undefined) added.push('Host', host)
  const replaced = new Set(added.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()))
  // Otherwise a client could add a group to the user of the proxy.
  const actsAs = replaced.has('impersonate-user') ? impersonationIn(headers) : []
  return [...without(headers, new Set([...replaced, ...actsAs])), ...added]
}

/** The names of impersonation headers, in lower case. */
function impersonationIn(headers: readonly string[]): string[] {
  const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase())
  return names.filter((name) => name.startsWith('impersonate-'))
}

/** A header with several values is sent once for each. */
function pairsOf(headers: NonNullable<Credentials['headers']>): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [name, value] : value.flatMap((each) => [name, each]),
  )
}

/** The client's request, forwarded with its body as it comes. */
export function outgoingOf(request: http.IncomingMessage): Outgoing {
  const { method = 'GET', url: target = '/', rawHeaders, headers } = request
  const kept = endToEnd(rawHeaders)
  const chunked = headers['transfer-encoding'] !== undefined
  // Node frames a body by itself for some methods only, and any method may have a chunked one.
  if (chunked) kept.push('Transfer-Encoding', 'chunked')
  const hasBody = chunked || (headers['content-length'] ?? '0') !== '0'
  return {
    method,
    target,
    // Node throws for announced trailers if none can come.
    headers: chunked || headers.trailer === undefined ? kept : without(kept, trailer),
    body: hasBody ? request : undefined,
  }
}

const trailer = new Set(['trailer'])

/** The server behind a proxy. */
export interface Upstream {
  /** May have a path, which goes before that of a request. */
  readonly server: URL
  /** Undefined to forward the client's `Host`, since links in answers are made from it (longhorn.md §5). */
  readonly host: string | undefined
  /**
   * The rest of a request's needs: an agent, TLS material, headers with credentials.
   *
   * @throws if there are no credentials
   */
  options(): Promise<Credentials> | Credentials
}

/** How one request reaches an upstream. */
export type Credentials = Pick<
  https.RequestOptions,
  'agent' | 'ca' | 'cert' | 'key' | 'servername' | 'checkServerIdentity'
> & {
  readonly rejectUnauthorized?: boolean | undefined
  /** They replace those of the client; one with several values is sent once for each. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Makes a connection for each request, on the same route as `agent`; without it, a direct one. */
  readonly fresh?: http.Agent | undefined
  /** Called when the upstream has answered 401. */
  readonly refused?: (() => void) | undefined
}
