import type { RestartReason } from './list-watch-state.ts'

/** A watch is over for a reason that is no failure of the server or the connection. */
export class RestartNeeded extends Error {
  readonly reason: RestartReason

  constructor(reason: RestartReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RestartNeeded'
    this.reason = reason
  }
}
