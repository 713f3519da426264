import type { IncomingMessage } from 'node:http'
import { abortReason } from './abort-reason.ts'
import type { Clock } from '../time/clock.ts'
import type { ApiResponse } from './exchange.ts'
import { ConnectionFailure } from './connection-failure.ts'
import { errorText } from './error-text.ts'
import { onAbort } from '../gate/on-abort.ts'

interface BodyOptions {
  readonly signal: AbortSignal
  readonly idleTimeoutMs: number
  /** The request, for messages: `GET /apis/…`. */
  readonly what: string
  readonly server: URL
  readonly clock: Clock
}

/**
 * The body of an answer, guarded: silence, a lost connection and the caller's signal each end it with their own
 * error. TCP itself would never tell of a peer that has gone without a word.
 */
export function responseBody(
  incoming: IncomingMessage,
  options: BodyOptions,
): Pick<ApiResponse, 'body' | 'text'> {
  const body = guarded(incoming, options)
  return {
    body,
    text: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of body) chunks.push(chunk)
      return Buffer.concat(chunks).toString('utf8')
    },
  }
}

async function* guarded(incoming: IncomingMessage, options: BodyOptions): AsyncGenerator<Buffer, void> {
  const { signal, clock, idleTimeoutMs } = options
  let ended: Error | undefined
  const end = (reason: Error) => {
    ended ??= reason
    incoming.destroy(reason)
  }
  const stop = () => end(abortReason(signal))
  const silent = () =>
    end(
      new ConnectionFailure(
        'silent',
        `${options.server.host} fell silent for ${idleTimeoutMs / 1000} s in ${options.what}.`,
      ),
    )

  const forget = onAbort(signal, stop)
  if (signal.aborted) stop()
  // Only the wait for the next chunk counts, not the time its reader takes.
  let cancelTimeout = clock.setTimer(idleTimeoutMs, silent)
  try {
    const chunks: AsyncIterable<unknown> = incoming
    for await (const chunk of chunks) {
      cancelTimeout()
      if (Buffer.isBuffer(chunk)) yield chunk
      cancelTimeout = clock.setTimer(idleTimeoutMs, silent)
    }
    if (ended) throw ended
  } catch (error) {
    throw ended ?? cut(error, options)
  } finally {
    cancelTimeout()
    forget()
  }
}

function cut(cause: unknown, { what, server }: BodyOptions): ConnectionFailure {
  return new ConnectionFailure(
    'cut',
    `The connection to ${server.host} was lost in ${what}: ${errorText(cause)}.`,
    cause,
  )
}
