import { randomInt, randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { ApiError } from '../cluster-client.ts'

/** The source of names and uids. Tests pass their own, to know them beforehand. */
export interface Identity {
  /** A uid for an object or a review. */
  uid(): string
  /** The suffix for a `generateName`. */
  suffix(): string
}

/**
 * No vowels and no digits that look like letters, so that no suffix is a word: the API server's own choice.
 */
const letters = 'bcdfghjklmnpqrstvwxz2456789'

/** Random ones, like those of a real API server. */
export const randomIdentity: Identity = {
  uid: randomUUID,
  suffix: () => Array.from({ length: 5 }, () => letters.charAt(randomInt(letters.length))).join(''),
}

/** Whether the API server runs. A restart ends all requests in progress. */
export class Uptime {
  #current = begun()

  /** Fires when the server stops. Each request needs the current one. */
  get signal(): AbortSignal {
    return this.#current.signal
  }

  /** @throws ApiError 503 while the server is down */
  assertServing(): void {
    if (!this.signal.aborted) return
    throw new ApiError({
      code: 503,
      reason: 'ServiceUnavailable',
      message: 'the embedded cluster does not serve now',
    })
  }

  /** The server stops. */
  end(): void {
    this.#current.abort()
  }

  /** The server runs again. */
  begin(): void {
    this.#current = begun()
  }
}

/** Each request and each watch listens, so the number of listeners is unlimited. */
function begun(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
