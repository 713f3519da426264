import { ApiFailure, ConnectionFailure } from '../client/failures.ts'
import { MalformedAnswer } from '../client/json-request.ts'
import type { RestartReason } from './list-watch-state.ts'

/** The kind of restart that an error of a list or watch needs. */
export function restartReason(error: unknown): RestartReason {
  if (error instanceof ConnectionFailure) return error.kind
  if (error instanceof RestartNeeded) return error.reason
  if (error instanceof MalformedAnswer) return 'malformed'
  if (error instanceof ApiFailure) return ofStatus(error)
  return 'unexpected'
}

function ofStatus({ code, causes, message }: ApiFailure): RestartReason {
  // 504 "Too large resource version": the server knows only an earlier history (kubernetes/kubernetes#91073).
  if (causes.includes('ResourceVersionTooLarge') || /too large resource version/i.test(message)) {
    return 'new-history'
  }
  switch (code) {
    case 401:
    case 403:
      return 'refused'
    case 404:
      return 'missing'
    case 410:
      return 'expired'
    case 429:
      return 'throttled'
    default:
      return code >= 400 && code < 500 ? 'rejected' : 'server-error'
  }
}

/** A watch ended for a reason that is no failure of the server or the connection. */
export class RestartNeeded extends Error {
  readonly reason: RestartReason

  constructor(reason: RestartReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RestartNeeded'
    this.reason = reason
  }
}
