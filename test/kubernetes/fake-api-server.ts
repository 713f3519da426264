import { once } from 'node:events'
import http from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { FakeStore, type StoredObject } from './fake-store.ts'

/** The possible failures of one request. */
export type Fault =
  /** An answer of failure; a Status unless `text` is given. */
  | { readonly answer: number; readonly retryAfter?: number; readonly text?: string; readonly cause?: string }
  /** Accepts and never answers. */
  | 'silent'
  /** A watch that is opened and never says a word. */
  | 'half-open'
  /** Headers and half a body, then the connection is gone. */
  | 'cut'
  /** Hangs up instead of answering. */
  | 'reset'
  /** A body that is not JSON. */
  | 'malformed'
  /** JSON that is neither a list nor an event. */
  | 'nonsense'
  /** A watch that begins with an ERROR event of this code. */
  | { readonly errorEvent: number }
  /** A watch that ends at once, properly. */
  | 'close'

/** One request as it came. */
export interface SeenRequest {
  readonly verb: 'list' | 'watch' | 'other'
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: http.IncomingHttpHeaders
}

interface Continued {
  readonly version: number
  readonly rest: readonly StoredObject[]
}

/** An API server for lists and watches of any collection, that misbehaves on command. */
export class FakeApiServer {
  readonly store = new FakeStore()
  readonly requests: SeenRequest[] = []
  /** Requests that are held without an answer, or a watch without a word. */
  stuck = 0
  /** Bytes of a watch go out one by one. */
  slow = false
  /** How a watch from a version that is still to come is taken: 504 or, as a watch cache does, accepted. */
  futureVersion: 'refuse' | 'accept' = 'refuse'
  readonly #faults: { readonly verb: 'list' | 'watch' | 'any'; readonly fault: Fault }[] = []
  readonly #continued = new Map<string, Continued>()
  readonly #watches = new Set<{
    readonly path: string
    readonly response: http.ServerResponse
    sending: Promise<void>
  }>()
  #server = http.createServer((request, response) => this.#answer(request, response))
  #port = 0

  static async start(): Promise<FakeApiServer> {
    const server = new FakeApiServer()
    await server.up()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get watches(): number {
    return this.#watches.size
  }

  /** How many sockets are open. */
  async connections(): Promise<number> {
    return await new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    )
  }

  /** The next requests of this verb go wrong. */
  fail(verb: 'list' | 'watch' | 'any', fault: Fault, times = 1): void {
    for (let n = 0; n < times; n++) this.#faults.push({ verb, fault })
  }

  /** Ends all faults. Watches that are stuck stay stuck. */
  behave(): void {
    this.#faults.length = 0
    this.slow = false
  }

  seen(verb: SeenRequest['verb']): SeenRequest[] {
    return this.requests.filter((request) => request.verb === verb)
  }

  /** Ends all watches as the server does when their time is up. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end()
    this.#watches.clear()
  }

  /** Loses the connections of all watches, in the middle of a line. */
  cutWatches(): void {
    for (const { response } of this.#watches) {
      response.write('{"type":"MODIFIED","object":{"metad')
      void setImmediate().then(() => response.destroy())
    }
    this.#watches.clear()
  }

  /** The watches stay open and silent. */
  silenceWatches(): void {
    this.stuck += this.#watches.size
    this.#watches.clear()
  }

  /** Writes to all watches, whatever it is. */
  sendToWatches(text: string): void {
    for (const watch of this.#watches) this.#write(watch, Buffer.from(text))
  }

  bookmark(): void {
    this.sendToWatches(line('BOOKMARK', { metadata: { resourceVersion: String(this.store.version) } }))
  }

  /** Forgets the positions in lists: the next page is answered with 410. */
  expirePages(): void {
    this.#continued.clear()
  }

  /** Comes back with another history, and lower versions. */
  restart(): void {
    this.#server.closeAllConnections()
    this.#watches.clear()
    this.#continued.clear()
    this.stuck = 0
    this.store.restart()
  }

  /** Connections are refused from now on. */
  async down(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    this.#watches.clear()
    this.stuck = 0
    await closed
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    this.#server = http.createServer((request, response) => this.#answer(request, response))
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url)
    const verb = request.method !== 'GET' ? 'other' : url.searchParams.has('watch') ? 'watch' : 'list'
    const { pathname: path, searchParams: query } = url
    this.requests.push({ verb, method: request.method ?? '', path, query, headers: request.headers })
    const index = this.#faults.findIndex((fault) => fault.verb === verb || fault.verb === 'any')
    const [planned] = index === -1 ? [] : this.#faults.splice(index, 1)
    if (planned) this.#misbehave(planned.fault, verb, response)
    else if (verb === 'watch') this.#watch(path, Number(query.get('resourceVersion')), response)
    else this.#list(path, query, response)
  }

  #misbehave(fault: Fault, verb: SeenRequest['verb'], response: http.ServerResponse): void {
    if (typeof fault === 'object') {
      if ('errorEvent' in fault) response.end(line('ERROR', status(fault.errorEvent)))
      else fail(response, fault.answer, fault)
      return
    }
    switch (fault) {
      case 'silent':
        this.stuck += 1
        return
      case 'half-open':
        this.stuck += 1
        response.flushHeaders()
        return
      case 'cut':
        response.write(verb === 'watch' ? '{"type":"ADDED","obj' : '{"metadata":{"resourc')
        void setImmediate().then(() => response.destroy())
        return
      case 'reset':
        response.destroy()
        return
      case 'malformed':
        response.end('{"type": oops\n')
        return
      case 'nonsense':
        response.end('{"type":"ADDED","object":{"answer":42}}\n')
        return
      case 'close':
        response.flushHeaders()
        response.end()
        return
    }
  }

  #list(path: string, query: URLSearchParams, response: http.ServerResponse): void {
    const token = query.get('continue')
    const from =
      token === null
        ? { version: this.store.version, rest: this.store.list(path) }
        : this.#continued.get(token)
    if (!from) {
      fail(response, 410, {})
      return
    }
    const limit = Number(query.get('limit') ?? Infinity)
    const metadata: Record<string, string> = { resourceVersion: String(from.version) }
    if (from.rest.length > limit) {
      metadata.continue = `page-${this.requests.length}`
      this.#continued.set(metadata.continue, { version: from.version, rest: from.rest.slice(limit) })
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ kind: 'List', metadata, items: from.rest.slice(0, limit) }))
  }

  #watch(path: string, version: number, response: http.ServerResponse): void {
    if (version < this.store.oldest) {
      // A watch cache answers 200 and says it in an event.
      response.end(line('ERROR', status(410)))
      return
    }
    if (version > this.store.version && this.futureVersion === 'refuse') {
      fail(response, 504, { cause: 'ResourceVersionTooLarge', retryAfter: 1 })
      return
    }
    response.setHeader('content-type', 'application/json')
    response.flushHeaders()
    const watch = { path, response, sending: Promise.resolve() }
    this.#watches.add(watch)
    response.once('close', () => this.#watches.delete(watch))
    const send = (event: { version: number; collection: string; type: string; object: unknown }) => {
      if (!this.#watches.has(watch)) return
      if (event.collection === path && event.version > version) {
        this.#write(watch, Buffer.from(line(event.type, event.object)))
      }
    }
    for (const event of this.store.since(version)) send(event)
    response.once('close', this.store.listen(send))
  }

  #write(watch: { readonly response: http.ServerResponse; sending: Promise<void> }, bytes: Buffer): void {
    const { slow } = this
    const { response } = watch
    watch.sending = watch.sending.then(async () => {
      response.socket?.setNoDelay(true)
      for (const part of slow ? [...bytes].map((byte) => Buffer.of(byte)) : [bytes]) {
        if (response.writableEnded || response.destroyed) return
        response.write(part)
        if (slow) await setImmediate()
      }
    })
  }
}

function line(type: string, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`
}

function status(code: number, cause?: string, retryAfter?: number): object {
  const details = {
    ...(cause ? { causes: [{ reason: cause }] } : {}),
    ...(retryAfter ? { retryAfterSeconds: retryAfter } : {}),
  }
  return {
    kind: 'Status',
    status: 'Failure',
    code,
    reason: `Reason${code}`,
    message: `said with ${code}`,
    details,
  }
}

function fail(
  response: http.ServerResponse,
  code: number,
  { text, cause, retryAfter }: { text?: string; cause?: string; retryAfter?: number },
): void {
  response.statusCode = code
  if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter)
  response.end(text ?? JSON.stringify(status(code, cause, retryAfter)))
}
