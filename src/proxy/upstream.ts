import type http from 'node:http'
import type https from 'node:https'

/** Whoever a proxy stands in front of. */
export interface Upstream {
  /** May have a path, which goes before that of a request. */
  readonly server: URL
  /** Undefined: the `Host` that the client named is passed on, since links in answers are made from it (longhorn.md §5). */
  readonly host: string | undefined
  /**
   * What a request to it takes besides: an agent, TLS material, headers that prove who asks.
   *
   * @throws when the proof cannot be had
   */
  options(): Promise<Credentials> | Credentials
}

/** How one request reaches an upstream. */
export type Credentials = Pick<
  https.RequestOptions,
  'agent' | 'ca' | 'cert' | 'key' | 'servername' | 'checkServerIdentity'
> & {
  readonly rejectUnauthorized?: boolean | undefined
  /** In the place of those that the client sent; one with several values is sent as often. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Makes a connection for each request, on the same way as `agent`; without it, a straight one. */
  readonly fresh?: http.Agent | undefined
  /** Called when the upstream has answered 401. */
  readonly refused?: (() => void) | undefined
}
