import type { IncomingMessage } from 'node:http'

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
export type Outcome =
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
  judge(method: string, target: string): ((call: JudgedCall) => Promise<Outcome>) | undefined
  /** An error in the words of the API. */
  failure(status: number, message: string): OwnAnswer
}
