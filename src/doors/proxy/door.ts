import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { BodyLimits } from '../http/bodies-under-way.ts'
import type { ConnectionLimits, TrafficObserver } from '../http/connection-limit.ts'
import type { Upstream } from './relay.ts'

/** An answer that a proxy gives itself, in the words of the API that it stands in front of. */
export interface OwnAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What is passed on in the place of what came. */
export interface Instead {
  readonly target?: string
  readonly body?: Buffer
}

/** A write that is judged before it is passed on. */
export interface JudgedCall {
  readonly request: IncomingMessage
  readonly body: Buffer
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /**
   * Passes it on, and resolves with the headers of the answer. Once it is on its way it is not taken back, whoever goes
   * away: whether it was done could not be told any more.
   *
   * @param isLate asked once there is a connection, right before anything is sent on it: true gives up
   * @throws RelayFailure
   */
  readonly forward: (instead?: Instead, isLate?: () => boolean) => Promise<IncomingMessage>
}

/** What becomes of a judged write. */
export type CallOutcome =
  | { readonly outcome: 'own'; readonly answer: OwnAnswer }
  | {
      readonly outcome: 'passed'
      readonly answer: IncomingMessage
      /** Added to the answer. */
      readonly warnings: readonly string[]
    }

/** Deciding takes a few round trips, however little time there is to hold; the gate itself ends a hold in time. */
export const decidingMs = 10_000

/** So often a write may be admitted too long ago by the time that it is to be passed on. */
export const maxLate = 3

/** What one kind of API needs guarded. */
export interface ProxyDoor {
  /** True where the whole guard only watches: what cannot be judged passes. */
  readonly watches?: boolean
  /**
   * How a request is judged; undefined for all that just passes. It is told from method and target alone, since most
   * of what passes is never read.
   */
  judge(method: string, target: string): ((call: JudgedCall) => Promise<CallOutcome>) | undefined
  /** An error in the words of the API. */
  failure(status: number, message: string): OwnAnswer
}
/** What the operator decides about a proxy. */

export interface ProxyOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** PEM; without it, plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** From the end of a request to the headers of its answer, in milliseconds. */
  readonly answerMs: number
  /** The largest body that is judged; what just passes has no limit. The API server takes 3 MiB. */
  readonly maxBodyBytes: number
  /** How many bytes of such bodies may be in memory at once, while they arrive and while their requests wait. */
  readonly bodies: BodyLimits
  /** How many connections are kept at once, in all and for each address. */
  readonly connections: ConnectionLimits
  /** How long such a body may take to come, in milliseconds. */
  readonly bodyMs: number
  /** All headers of a request together; tokens are long. */
  readonly maxHeaderBytes: number
  /** How long requests in flight may take once the proxy closes, in milliseconds. */
  readonly drainMs: number
  /**
   * True for one that lends its own credentials: a page in somebody's browser reaches loopback too, under a name of its
   * own choosing, and is turned away.
   */
  readonly localOnly: boolean
}
/** The limits without configuration. */

export const defaultProxyOptions: Omit<ProxyOptions, 'host' | 'port' | 'tls'> = {
  answerMs: 120000,
  maxBodyBytes: 3 * 1024 * 1024,
  bodies: { mostBytes: 32 * 1024 * 1024, mostBytesOfPeer: 24 * 1024 * 1024 },
  // All users of Longhorn's UI come from the address of its pod.
  connections: { most: 2000, mostOfPeer: 2000 },
  bodyMs: 60000,
  maxHeaderBytes: 64 * 1024,
  drainMs: 15000,
  localOnly: false,
}
/** Watches a proxy at work. */

export interface ProxyObserver {
  /** A request came, of this kind. */
  came(kind: RequestKind): void
  /** It could not be passed on, and this status was answered. */
  failed(status: number): void
}
/** What just passes, what is judged first, and what asks for another protocol. */

type RequestKind = 'passed' | 'judged' | 'upgrade'
/** What a proxy works with. */

export interface ProxyModules {
  readonly upstream: Upstream
  readonly door: ProxyDoor
  readonly log: Logger
  readonly observer: ProxyObserver
  /** Told of what the limits close and cut. */
  readonly traffic?: TrafficObserver
}

/** Thrown when nobody waits for an answer any more. */
export class ClientGone extends Error {
  constructor() {
    super('The client has gone away')
    this.name = 'ClientGone'
  }
}

/** Answers, unless an answer has begun or nobody is there. */
export function send(response: http.ServerResponse, { status, headers, body }: OwnAnswer): void {
  if (response.destroyed) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** Answers a client that asked for another protocol, and ends the connection. */
export function end(socket: Duplex, { status, headers, body }: OwnAnswer): void {
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`)
}

/**
 * True for a request that a page from elsewhere makes a browser send, or that calls this machine by a name of that page's
 * choosing. Browsers name the page in `Origin` where it may read the answer or writes; of an image or a link they tell only
 * in `Sec-Fetch-Site` (Fetch Metadata) whether it is from elsewhere, older ones in `Referer`.
 */
export function isForeign({ host = '', origin, referer, ...headers }: IncomingHttpHeaders): boolean {
  if (!isLocal(host)) return true
  if (origin !== undefined) return !isLocal(withoutScheme(origin))
  if (headers['sec-fetch-site'] === 'cross-site') return true
  return referer !== undefined && !isLocal(withoutScheme(referer).replace(/\/.*/s, ''))
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '')
}

function isLocal(hostAndPort: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(hostAndPort)
}
export function own(answer: OwnAnswer): CallOutcome {
  return { outcome: 'own', answer }
}
export function passed(answer: IncomingMessage, warnings: readonly string[] = []): CallOutcome {
  return { outcome: 'passed', answer, warnings }
}
