import { setMaxListeners } from 'node:events'
import { ApiError } from '../cluster-client.ts'

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
