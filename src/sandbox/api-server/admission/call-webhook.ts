import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import type { Clock } from '../../../time/clock.ts'
import type { Webhook } from './webhook-configuration.ts'

/** The address of a service as seen from this machine: `127.0.0.1:8443`. */
export type ResolveService = (namespace: string, name: string, port: number) => string | undefined

/** An API server keeps this many idle connections to a webhook (kubernetes.md, Connections). */
const idleConnections = 25
/** An API server closes an idle connection after this time (kubernetes.md, Connections). */
const idleMs = 90_000
/** Far more than any answer needs, and small enough for the memory. */
const maxAnswerBytes = 3 * 1024 * 1024

interface Target {
  readonly url: URL
  /** The name that the certificate must have; undefined for the one in the URL. */
  readonly servername: string | undefined
}

/**
 * Calls webhooks over TLS as the API server does: HTTP/1.1 with idle connections kept, the certificate
 * verified against the registration's `caBundle` only, no client certificate, and no POST sent twice.
 */
export class WebhookCaller {
  readonly #clock: Clock
  readonly #resolveService: ResolveService
  readonly #agents = new Map<string, Agent>()

  constructor(clock: Clock, resolveService: ResolveService) {
    this.#clock = clock
    this.#resolveService = resolveService
  }

  /**
   * Sends one review.
   *
   * @param deadlineMs when the whole request must be done, on the clock
   * @param signal ends the call if the client has gone
   * @returns the parsed body
   * @throws Error with a sentence if no body comes; `failurePolicy` decides then
   */
  async call(webhook: Webhook, review: string, deadlineMs: number, signal: AbortSignal): Promise<unknown> {
    const target = this.#targetOf(webhook)
    const expires = Math.min(deadlineMs, this.#clock.now() + webhook.timeoutMs)
    const budget = new AbortController()
    const cancel = this.#clock.setTimer(Math.max(0, expires - this.#clock.now()), () => budget.abort())
    try {
      const ending = AbortSignal.any([signal, budget.signal])
      return await this.#exchange(webhook, target, review, expires, ending)
    } catch (error) {
      const why = budget.signal.aborted ? 'context deadline exceeded' : messageOf(error)
      const sentTo = `failed to call webhook: Post "${target.url.href}": ${why}`
      throw new Error(sentTo, { cause: error })
    } finally {
      cancel()
    }
  }

  /** Ends every connection. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  async #exchange(
    webhook: Webhook,
    { url, servername }: Target,
    review: string,
    expires: number,
    signal: AbortSignal,
  ): Promise<unknown> {
    for (;;) {
      // The remaining budget, rounded up to a second (kubernetes.md, The request).
      url.searchParams.set('timeout', `${Math.max(1, Math.ceil((expires - this.#clock.now()) / 1000))}s`)
      const answer = await post(url, review, this.#agentOf(webhook, servername), signal)
      const pauseMs = answer.retryAfterMs
      if (pauseMs === undefined) return parse(answer.status, answer.body)
      // The API server repeats a call with an HTTP-level 429 or 503 and Retry-After until the budget ends
      // (kubernetes.md, The answer).
      await this.#pause(pauseMs, signal)
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimer(ms, () => {
        signal.removeEventListener('abort', abort)
        resolve()
      })
      const abort = () => {
        cancel()
        reject(new Error('the call was given up'))
      }
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #targetOf(webhook: Webhook): Target {
    const { url, service } = webhook.clientConfig
    if (!service) return { url: new URL(url ?? ''), servername: undefined }
    const { namespace, name, port, path } = service
    const reached = this.#resolveService(namespace, name, port)
    if (reached === undefined)
      throw new Error(
        `service "${name}" in namespace "${namespace}" is not known to the embedded cluster: register the webhook with clientConfig.url instead`,
      )
    return { url: new URL(`https://${reached}${path}`), servername: `${name}.${namespace}.svc` }
  }

  /**
   * One for each authority and name, so that a rotated `caBundle` never reuses a connection of the previous
   * one.
   */
  #agentOf(webhook: Webhook, servername: string | undefined): Agent {
    const { caBundle } = webhook.clientConfig
    const key = JSON.stringify([servername, caBundle])
    const known = this.#agents.get(key)
    if (known) return known
    const agent = new Agent({
      keepAlive: true,
      maxFreeSockets: idleConnections,
      timeout: idleMs,
      ...(servername !== undefined && { servername }),
      ...(caBundle !== undefined && { ca: caBundle }),
    })
    this.#agents.set(key, agent)
    return agent
  }
}

interface Reply {
  readonly status: number
  /** Set if the webhook asks for another call. */
  readonly retryAfterMs: number | undefined
  readonly body: string
}

function post(url: URL, body: string, agent: Agent, signal: AbortSignal): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const call = request(url, { method: 'POST', agent, signal, headers }, (response) => {
      read(response).then(resolve, reject)
    })
    call.on('error', reject)
    call.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) continue
    bytes += chunk.length
    if (bytes > maxAnswerBytes) throw new Error(`the answer is larger than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  const status = response.statusCode ?? 0
  const seconds = Number(response.headers['retry-after'] ?? NaN)
  const again = (status === 429 || status >= 500) && Number.isInteger(seconds)
  return {
    status,
    retryAfterMs: again ? seconds * 1000 : undefined,
    body: Buffer.concat(chunks).toString('utf8'),
  }
}

function parse(status: number, body: string): unknown {
  if (status < 200 || status > 206)
    throw new Error(`the server answered with HTTP ${status}: ${body.slice(0, 200)}`)
  try {
    return JSON.parse(body)
  } catch (error) {
    throw new Error(`the answer is not JSON: ${body.slice(0, 200)}`, { cause: error })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
