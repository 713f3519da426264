import type http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Outcome } from '../../gate/ports.ts'
import { isOver } from '../../tls/over.ts'
import type { KeptBody } from '../http/bodies-under-way.ts'
import { BodyFailure, readBody } from '../http/body.ts'
import {
  type CallOutcome,
  ClientGone,
  type Rewrite,
  type JudgedCall,
  type OwnAnswer,
  type ProxyDoor,
  type ProxyModules,
  type ProxyOptions,
  send,
} from './door.ts'
import { endToEnd, without } from './headers.ts'
import { cutOff, RelayFailure } from './relay-failure.ts'
import { ask, type Outgoing } from './relay.ts'
import { isRefusal, onlyWatched } from './unjudged.ts'

/** A request that is judged before it is forwarded. */
interface Handled {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly judge: (call: JudgedCall) => Promise<CallOutcome>
  /** Its body, which counts against the memory limit while it is kept. */
  readonly kept: KeptBody
  readonly signal: AbortSignal
}

/** The headers of the original body; the forwarded one may differ. */
const framing = new Set(['content-length', 'trailer'])

/** Reads, judges, and then answers or forwards. */
export class JudgedRequest {
  readonly #options: ProxyOptions
  readonly #modules: ProxyModules

  constructor(options: ProxyOptions, modules: ProxyModules) {
    this.#options = options
    this.#modules = modules
  }

  /**
   * @returns why the body cannot be read, if the guard only warns: the caller forwards it as it comes.
   *   Undefined once the request is answered, or its client has gone
   * @throws RelayFailure, GaveWay, ClientGone
   */
  async handle({ request, response, judge, kept, signal }: Handled): Promise<string | undefined> {
    const { door, upstream } = this.#modules
    let body: Buffer
    try {
      const { maxBodyBytes: maxBytes, bodyMs } = this.#options
      body = await readBody(request, { maxBytes, bodyMs, ...(door.watches && { orPutBack: signal }) })
    } catch (error) {
      if (door.watches && error instanceof GaveWay) return error.message
      if (!(error instanceof BodyFailure)) throw error
      if (error.why === 'cut') return undefined
      if (door.watches) {
        this.#modules.traffic?.passed(error.why)
        return error.message
      }
      this.#modules.traffic?.refused(error.why)
      response.setHeader('connection', 'close')
      send(response, door.failure(error.why === 'too-slow' ? 408 : 413, error.message))
      return undefined
    }
    // What came behind this request was none, and has been answered.
    if (isOver(request.socket)) throw new ClientGone()
    const forward = async (instead: Rewrite = {}, isLate?: () => boolean): Promise<IncomingMessage> => {
      kept.passing()
      try {
        return await ask(upstream, { ...withBody(request, body, instead), isLate }, this.#options)
      } finally {
        kept.waiting()
      }
    }
    const outcome = await judge({ request, body, signal, forward }).catch((error: unknown) => {
      // No forwarded attempt was carried out by then, since that would have ended the judging.
      if (door.watches && error instanceof GaveWay) return onlyWatched(error.message, forward)
      throw error
    })
    if (outcome.outcome === 'own') {
      send(response, outcome.answer)
      return undefined
    }
    const { answer, warnings } = outcome
    for (const warning of warnings) answer.rawHeaders.push('Warning', warningHeader(warning))
    // Otherwise an answer without a reader would wait for ever to be written.
    response.once('close', () => answer.destroy())
    if (response.destroyed) answer.destroy()
    else if (answer.destroyed && !answer.complete) throw cutOff(upstream.server)
    else passOn(answer, response)
    return undefined
  }
}

/** The request with its body, which has been read, and the replaced parts. */
function withBody(
  { method = '', url = '/', rawHeaders }: IncomingMessage,
  body: Buffer,
  instead: Rewrite,
): Outgoing {
  const sent = instead.body ?? body
  const headers = [...without(endToEnd(rawHeaders), framing), 'Content-Length', String(sent.length)]
  return { method, target: instead.target ?? url, headers, body: sent }
}

/** As the API server writes them, and kubectl shows them (RFC 7234, 5.5). */
export function warningHeader(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]+/g, ' ').replaceAll(/["\\]/g, '\\$&')
  return `299 - "${plain}"`
}

/**
 * Forwards an admitted write, and releases its reservation once its result is certain. If it is not, because
 * the upstream does not answer or fails half-way, the reservation stays until its deadline.
 *
 * @param said the client's request, as JSON, if the upstream may repeat it in an error
 * @throws RelayFailure
 */
export async function forwardThenRelease(
  forward: (isLate: Outcome['isLate']) => Promise<IncomingMessage>,
  { release, isLate }: Pick<Outcome, 'release' | 'isLate'>,
  said = '',
): Promise<IncomingMessage> {
  let answer: IncomingMessage
  try {
    answer = await forward(isLate)
  } catch (error) {
    if (error instanceof RelayFailure && !error.asked) await release?.()
    throw error
  }
  if (!release) return answer
  if (answer.statusCode === 500) {
    // It is read anyway on its way to the client.
    readAlong(answer, (text) => {
      if (isRefusal(text, said)) void release()
    })
  } else if ((answer.statusCode ?? 502) < 500) await release()
  return answer
}

/** A denial's message is shorter than this, in characters. */
const maxLength = 64 * 1024

/**
 * Calls once with the whole text of an answer, if it is read to its end and not too long. It does not start
 * the flow.
 */
function readAlong(answer: IncomingMessage, call: (text: string) => void): void {
  let text = ''
  answer.on('data', (chunk: Buffer) => {
    if (text.length <= maxLength) text += chunk.toString('latin1')
  })
  answer.pause()
  answer.once('end', () => {
    if (text.length <= maxLength) call(text)
  })
}

/**
 * Forwards an answer to the client, its body as it comes. If the answer is cut off, the connection ends. It
 * does not use `pipe`, whose listeners cost a tenth of all requests.
 *
 * @throws for an answer that Node cannot write
 */
export function passOn(answer: http.IncomingMessage, response: http.ServerResponse): void {
  const { headers, statusCode = 502 } = answer
  const kept = endToEnd(answer.rawHeaders)
  const hasTrailer = headers.trailer !== undefined && isChunked(answer, response)
  response.sendDate = false
  response.writeHead(
    statusCode,
    answer.statusMessage ?? '',
    // Node throws for announced trailers if none can come.
    headers.trailer === undefined || hasTrailer ? kept : without(kept, trailer),
  )
  // A watch may be silent for minutes.
  if (headers['content-length'] === undefined) response.flushHeaders()
  answer.on('data', (chunk: Buffer) => {
    if (response.write(chunk)) return
    answer.pause()
    response.once('drain', () => answer.resume())
  })
  answer.on('end', () => {
    if (hasTrailer) response.addTrailers(pairs(answer.rawTrailers))
    response.end()
  })
  answer.on('aborted', () => response.destroy())
  // Another listener may have come first, and held it until now.
  answer.resume()
}

/** True if the answer comes in chunks, and is forwarded in chunks too. */
function isChunked({ headers, statusCode }: http.IncomingMessage, { req }: http.ServerResponse): boolean {
  const bodiless = req.method === 'HEAD' || statusCode === 204 || statusCode === 304
  return headers['transfer-encoding'] !== undefined && !bodiless && req.httpVersion === '1.1'
}

const trailer = new Set(['trailer'])

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (let at = 0; at < raw.length; at += 2) found.push([raw[at] ?? '', raw[at + 1] ?? ''])
  return found
}

/** The reason of a request that stops waiting, since other requests need the memory of its body. */
export class GaveWay extends Error {
  constructor() {
    super('Too many large requests are waiting, so this one cannot wait too. Nothing was changed; try again')
    this.name = 'GaveWay'
  }
}

/** client-go programs then retry by themselves a second later. */
export function gaveWayAnswer({ message }: GaveWay, door: Pick<ProxyDoor, 'failure'>): OwnAnswer {
  const own = door.failure(429, message)
  return { ...own, headers: { ...own.headers, 'retry-after': '1' } }
}
