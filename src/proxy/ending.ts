import type { ServerResponse } from 'node:http'
import type { Ending } from './relay.ts'

/** Thrown when nobody waits for an answer any more. */
export class ClientGone extends Error {
  constructor() {
    super('The client went away')
    this.name = 'ClientGone'
  }
}

/** Ends when the client goes away before it has its answer. */
export function endingWith(response: ServerResponse): Ending {
  return {
    get reason() {
      return response.destroyed ? new ClientGone() : undefined
    },
    onEnd(listener) {
      response.once('close', listener)
      return () => response.off('close', listener)
    },
  }
}

/** Ends as a signal does. */
export function endingBy(signal: AbortSignal): Ending {
  return {
    get reason() {
      return signal.aborted ? new ClientGone() : undefined
    },
    onEnd(listener) {
      signal.addEventListener('abort', listener)
      return () => signal.removeEventListener('abort', listener)
    },
  }
}

/** For what is not taken back, whoever goes away. */
export const endless: Ending = { reason: undefined, onEnd: () => () => undefined }
