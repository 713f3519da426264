import { randomInt, randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { ApiError } from '../cluster-client.ts'

/** Where names and uids come from: a test gives its own, so that it can tell them beforehand. */
export interface Identity {
  /** A uid for an object or a review. */
  uid(): string
  /** What is put behind a `generateName`. */
  suffix(): string
}

/** No vowels and no digits that look like letters, so that no suffix spells a word: the API server's own choice. */
const letters = 'bcdfghjklmnpqrstvwxz2456789'

/** Random ones, as a real API server makes them. */
export const randomIdentity: Identity = {
  uid: randomUUID,
  suffix: () => Array.from({ length: 5 }, () => letters.charAt(randomInt(letters.length))).join(''),
}

/** Whether the API server serves; a restart ends all that is under way and begins anew. */
export class Uptime {
  #current = begun()

  /** Fires when the server goes away. Ask for it anew for each request. */
  get signal(): AbortSignal {
    return this.#current.signal
  }

  /** @throws ApiError 503 while the server is away */
  assertServing(): void {
    if (!this.signal.aborted) return
    throw new ApiError({
      code: 503,
      reason: 'ServiceUnavailable',
      message: 'the embedded cluster does not serve now',
    })
  }

  /** The server goes away. */
  end(): void {
    this.#current.abort()
  }

  /** The server serves again. */
  begin(): void {
    this.#current = begun()
  }
}

/** Each request and each watch listens. */
function begun(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}
