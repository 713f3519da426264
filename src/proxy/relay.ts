import http from 'node:http'
import https from 'node:https'
import { endToEnd, without } from './headers.ts'
import { RelayFailure, tooSlow, unreachable } from './relay-failure.ts'
import type { Credentials, Upstream } from './upstream.ts'

/** What is passed on. */
export interface Outgoing {
  readonly method: string
  /** Path and query as the client wrote them. */
  readonly target: string
  /** End-to-end headers, as they came. */
  readonly headers: readonly string[]
  /** The whole body, or where it comes from; undefined if there is none. */
  readonly body: Buffer | http.IncomingMessage | undefined
}

/** How long things may take. */
export interface RelayLimits {
  /** From the end of the request to the headers of the answer, in milliseconds. */
  readonly answerMs: number
}

/**
 * Ends a request. A signal would do the same, and costs a tenth of the requests that pass.
 */
export interface Ending {
  /** Why it has ended; undefined while it has not. */
  readonly reason: Error | undefined
  /** Calls it once it ends. @returns forgets about it */
  onEnd(listener: () => void): () => void
}

/**
 * Asks the upstream and resolves with the headers of its answer, whose body is the caller's to read.
 *
 * @param ending ends it at any moment
 * @throws RelayFailure, or what the ending says
 */
export async function ask(
  upstream: Upstream,
  outgoing: Outgoing,
  limits: RelayLimits,
  ending: Ending,
): Promise<http.IncomingMessage> {
  const given = upstream.options()
  const options = given instanceof Promise ? await proof(given) : given
  const { answer, failure, reused } = await attempt(upstream, options, outgoing, limits, ending)
  if (answer) return answer
  // The server closed an idle connection in the very moment it was used; nothing was asked yet.
  if (!reused || outgoing.body !== undefined || !/^(GET|HEAD)$/.test(outgoing.method)) throw failure
  const second = await attempt(upstream, { ...options, agent: false }, outgoing, limits, ending)
  if (second.answer) return second.answer
  throw second.failure
}

async function proof(options: Promise<Credentials>): Promise<Credentials> {
  try {
    return await options
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new RelayFailure(502, why, cause)
  }
}

type Attempt =
  | { readonly answer: http.IncomingMessage; readonly failure?: never; readonly reused?: never }
  | { readonly answer?: never; readonly failure: Error; readonly reused: boolean }

function attempt(
  upstream: Upstream,
  credentials: Credentials,
  { method, target, headers, body }: Outgoing,
  { answerMs }: RelayLimits,
  ending: Ending,
): Promise<Attempt> {
  const { server } = upstream
  return new Promise((resolve) => {
    const request = (server.protocol === 'https:' ? https : http).request({
      ...credentials,
      protocol: server.protocol,
      hostname: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port,
      method,
      path: pathTo(server, target),
      // An array is sent as it is: case, order and repetitions.
      headers: headersFor(upstream, credentials, headers),
    })
    let timer: NodeJS.Timeout | undefined
    const forget = ending.onEnd(() => request.destroy())
    const settle = (attempt: Attempt): void => {
      clearTimeout(timer)
      forget()
      resolve(attempt)
    }
    const startTimer = (): void => {
      timer = setTimeout(() => request.destroy(tooSlow(server, answerMs)), answerMs)
    }
    request.on('response', (answer) => settle({ answer }))
    // Stays to the end: an error of the request may also come after its answer.
    request.on('error', (error) => {
      const own = ending.reason ?? (error instanceof RelayFailure ? error : undefined)
      settle({
        failure: own ?? unreachable(server, error),
        reused: request.reusedSocket && own === undefined,
      })
    })
    if (body instanceof http.IncomingMessage) {
      body.pipe(request)
      body.once('end', startTimer)
      // Whoever breaks off in the middle of a body has asked for nothing.
      body.once('aborted', () => request.destroy())
    } else {
      startTimer()
      request.end(body)
    }
  })
}

/** @returns path and query, after the path of the upstream itself */
export function pathTo(server: URL, target: string): string {
  return server.pathname === '/' ? target : server.pathname.replace(/\/$/, '') + target
}

/** The headers of the client, with the proof of the proxy in the place of its own. */
export function headersFor(
  { host }: Upstream,
  { headers: proof = {} }: Credentials,
  headers: readonly string[],
): string[] {
  const pairs = isList(proof)
    ? proof
    : // A token file may end with a newline, which no header may hold.
      Object.entries(proof).flatMap(([name, value]) => [name, String(value).trim()])
  const added = [...pairs]
  if (host !== undefined) added.push('Host', host)
  if (added.length === 0) return [...headers]
  const replaced = new Set(added.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()))
  return [...without(headers, replaced), ...added]
}

function isList(headers: NonNullable<Credentials['headers']>): headers is readonly string[] {
  return Array.isArray(headers)
}

/** What a client asks, to be passed on with its body as it comes. */
export function outgoingOf(request: http.IncomingMessage): Outgoing {
  const { method = 'GET', url: target = '/', rawHeaders, headers } = request
  const kept = endToEnd(rawHeaders)
  const chunked = headers['transfer-encoding'] !== undefined
  // Node frames a body by itself for some methods only, and a chunked one may come with any.
  if (chunked) kept.push('Transfer-Encoding', 'chunked')
  const hasBody = chunked || (headers['content-length'] ?? '0') !== '0'
  return { method, target, headers: kept, body: hasBody ? request : undefined }
}
