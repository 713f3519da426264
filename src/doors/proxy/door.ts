import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { LastAnswer } from '../../tls/last-answers.ts'
import type { BodyLimits } from '../http/bodies-under-way.ts'
import type { ConnectionLimits, TrafficObserver } from '../http/connection-limit.ts'
import type { Timers } from '../../time/clock.ts'
import type { Upstream } from './relay.ts'

/** The proxy's own answer, in the format of the API behind it. */
export type OwnAnswer = LastAnswer

/** The parts that replace those of the client's request. */
export interface Rewrite {
  readonly target?: string
  readonly body?: Buffer
}

/** A write that is judged before it is forwarded. */
export interface JudgedCall {
  readonly request: IncomingMessage
  readonly body: Buffer
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
  /**
   * Forwards it, and resolves with the headers of the answer. A write on its way is not cancelled even if the
   * client goes away, since its outcome would then be unknown.
   *
   * @param isLate asked once there is a connection, right before anything is sent: true gives up @throws
   * RelayFailure
   */
  readonly forward: (instead?: Rewrite, isLate?: () => boolean) => Promise<IncomingMessage>
}

/** The result of a judged write. */
export type CallOutcome =
  | { readonly outcome: 'own'; readonly answer: OwnAnswer }
  | {
      readonly outcome: 'passed'
      readonly answer: IncomingMessage
      /** Added to the answer. */
      readonly warnings: readonly string[]
    }

/**
 * A decision takes a few round trips, however little time a hold has; the gate itself ends a hold in time.
 */
export const decidingMs = 10_000

/**
 * How often a write may be judged again because its admission became too old before it could be forwarded.
 */
export const maxLate = 3

/** The guarded part of one kind of API. */
export interface ProxyDoor {
  /** True if the whole guard only warns: a write that cannot be judged passes. */
  readonly watches?: boolean
  /**
   * How to judge a request; undefined for one that just passes. Method and target alone decide that, since
   * most requests that pass are never read.
   */
  judge(method: string, target: string): ((call: JudgedCall) => Promise<CallOutcome>) | undefined
  /** An error in the format of the API. */
  failure(status: number, message: string): OwnAnswer
}
/** The options of a proxy. */

export interface ProxyOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** PEM; without it, plain HTTP. */
  readonly tls: { readonly cert: string; readonly key: string } | undefined
  /** From the end of a request to the headers of its answer, in milliseconds. */
  readonly answerMs: number
  /** The largest body that is judged; requests that just pass have no limit. The API server takes 3 MiB. */
  readonly maxBodyBytes: number
  /** How many bytes of such bodies may be in memory at once, while they arrive and while their requests wait. */
  readonly bodies: BodyLimits
  /** The maximum of open connections, in all and for each address. */
  readonly connections: ConnectionLimits
  /** How long such a body may take to arrive, in milliseconds. */
  readonly bodyMs: number
  /** The size limit for all headers of a request together; tokens are long. */
  readonly maxHeaderBytes: number
  /** How long requests in progress may take once the proxy closes, in milliseconds. */
  readonly drainMs: number
  /**
   * True for a proxy that lends its own credentials. A page in a person's browser reaches loopback too, under
   * a host name of its choice, and must be rejected.
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
/** The observer of a proxy. */

export interface ProxyObserver {
  /** A request came, of this kind. */
  came(kind: RequestKind): void
  /** It could not be forwarded, and the client got this status. */
  failed(status: number): void
}
/** Kinds of requests: just passed, judged first, or a change of protocol. */

type RequestKind = 'passed' | 'judged' | 'upgrade'
/** The parts of a proxy. */

export interface ProxyModules {
  readonly upstream: Upstream
  readonly door: ProxyDoor
  readonly log: Logger
  readonly observer: ProxyObserver
  /** Called with the effects of the limits. */
  readonly traffic?: TrafficObserver
  /** The machine's own by default. */
  readonly timers?: Timers
}

/** Thrown when the client has gone. */
export class ClientGone extends Error {
  constructor() {
    super('The client has gone away')
    this.name = 'ClientGone'
  }
}

/** Answers, unless an answer has begun or the client has gone. */
export function send(response: ServerResponse, { status, headers, body }: OwnAnswer): void {
  if (response.destroyed) return
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/**
 * True for a request that a page of another site makes a browser send, or that names this machine by a host
 * name of that page's choice. Browsers name the page in `Origin` if it may read the answer or writes. For
 * images and links only `Sec-Fetch-Site` (Fetch Metadata) reveals another site, or `Referer` in older
 * browsers.
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
