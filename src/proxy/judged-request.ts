import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Instead, JudgedCall, CallOutcome } from './door.ts'
import type { KeptBody } from '../traffic/bodies-under-way.ts'
import { endToEnd, without } from './headers.ts'
import { passOn } from './pass-on.ts'
import { send } from './own-answer.ts'
import type { ProxyModules } from './door.ts'
import type { ProxyOptions } from './door.ts'
import { BodyFailure, readBody } from './read-body.ts'
import { cutOff } from './relay-failure.ts'
import { ask, type Outgoing } from './relay.ts'

/** A request that is judged before it is passed on. */
interface Handled {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly judge: (call: JudgedCall) => Promise<CallOutcome>
  /** Its body, which counts for as long as it is kept. */
  readonly kept: KeptBody
  readonly signal: AbortSignal
}

/** Of the body as it came; what is passed on may be another one. */
const framing = new Set(['content-length', 'trailer'])

/** Reads, judges, and then answers or passes on. */
export class JudgedRequest {
  readonly #options: ProxyOptions
  readonly #modules: ProxyModules

  constructor(options: ProxyOptions, modules: ProxyModules) {
    this.#options = options
    this.#modules = modules
  }

  /** @throws RelayFailure */
  async handle({ request, response, judge, kept, signal }: Handled): Promise<void> {
    const { door, upstream } = this.#modules
    let body: Buffer
    try {
      const { maxBodyBytes: maxBytes, bodyMs } = this.#options
      body = await readBody(request, { maxBytes, bodyMs })
    } catch (error) {
      if (!(error instanceof BodyFailure)) throw error
      if (error.why === 'cut') return
      this.#modules.traffic?.refused(error.why)
      response.setHeader('connection', 'close')
      send(response, door.failure(error.why === 'too-slow' ? 408 : 413, error.message))
      return
    }
    const forward = async (instead: Instead = {}, isLate?: () => boolean): Promise<IncomingMessage> => {
      kept.passing()
      try {
        return await ask(upstream, { ...withBody(request, body, instead), isLate }, this.#options)
      } finally {
        kept.waiting()
      }
    }
    const outcome = await judge({ request, body, signal, forward })
    if (outcome.outcome === 'own') {
      send(response, outcome.answer)
      return
    }
    const { answer, warnings } = outcome
    for (const warning of warnings) answer.rawHeaders.push('Warning', warningHeader(warning))
    // Or what nobody reads any more would wait for ever to be written.
    response.once('close', () => answer.destroy())
    if (response.destroyed) answer.destroy()
    else if (answer.destroyed && !answer.complete) throw cutOff(upstream.server)
    else passOn(answer, response)
  }
}

/** The request with its body, which has been read, and what takes the place of its parts. */
function withBody(
  { method = '', url = '/', rawHeaders }: IncomingMessage,
  body: Buffer,
  instead: Instead,
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
