import type { User } from '../cluster-client.ts'
import type { JsonObject } from '../json.ts'
import type { ResourceFacts } from './columns.ts'

/** What accompanies one request on its way. */
export interface RequestContext {
  readonly user: User
  /** When the whole request must be done, on the clock: it bounds the webhooks and the retries. */
  readonly deadlineMs: number
  /** Fires when the client has gone or the server stops. */
  readonly signal: AbortSignal
  /** Tells the client something beside the answer, as a `Warning` header. */
  readonly warn: (text: string) => void
}

/** What a request is about. */
export interface Target {
  readonly resource: ResourceFacts
  /** Empty: cluster-scoped, or all namespaces. */
  readonly namespace: string
  /** Empty: the collection. */
  readonly name: string
  readonly subresource: 'status' | undefined
}

/** How a write is to be done. */
export interface WriteOptions {
  /** The whole way including the webhooks, but nothing is stored. */
  readonly dryRun: boolean
  /** CreateOptions, UpdateOptions or DeleteOptions as webhooks get them. */
  readonly options: JsonObject
}
