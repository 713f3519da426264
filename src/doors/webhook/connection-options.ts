import type { BodyLimits } from '../http/bodies-under-way.ts'
import type { ConnectionLimits } from '../http/connection-limit.ts'

/** Limits of the connections the API server makes. */
export interface ConnectionOptions {
  /** Reviews reach 6.3 MB on CREATE (kubernetes.md, The request). In bytes. */
  readonly bodyLimitBytes: number
  /** How many bytes of bodies may be in memory at once, over all connections: a few of the largest. */
  readonly bodies: BodyLimits
  /**
   * The maximum of open connections, in all and for each address; an API server opens one for each review in
   * progress.
   */
  readonly connections: ConnectionLimits
  /**
   * How long an idle connection is kept, in milliseconds: longer than the 90 s after which the API server
   * closes it, since that does not repeat a POST (kubernetes.md, Connections).
   */
  readonly keepAliveTimeoutMs: number
  /**
   * How long headers and body may take to arrive, each counted from the first byte, in milliseconds: longer
   * than the 30 s that a webhook call lasts at most. Node wants the first not above the second.
   */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /** How long a TLS handshake may take, in milliseconds; the API server gives up after 10 s. */
  readonly handshakeTimeoutMs: number
  /** How often Node looks for late requests, in milliseconds. */
  readonly lateCheckMs: number
}

/** The limits without configuration. */
export const defaultConnectionOptions: ConnectionOptions = {
  bodyLimitBytes: 8 * 1024 * 1024,
  // One API server alone has room for three of the largest.
  bodies: { mostBytes: 32 * 1024 * 1024, mostBytesOfPeer: 24 * 1024 * 1024 },
  connections: { most: 512, mostOfPeer: 256 },
  keepAliveTimeoutMs: 120_000,
  headersTimeoutMs: 32_000,
  requestTimeoutMs: 32_000,
  handshakeTimeoutMs: 10_000,
  lateCheckMs: 30_000,
}
