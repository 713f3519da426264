import type { IncomingMessage } from 'node:http'
import { BodyFailure, readBody, type BodyLimits } from './read-body.ts'
import { RelayFailure } from './relay-failure.ts'
import { onAbort } from '../gate/on-abort.ts'

/** The whole body of an answer to a request that changes nothing. @throws RelayFailure, or the signal's reason */
export async function readAnswer(
  answer: IncomingMessage,
  limits: BodyLimits,
  signal: AbortSignal,
): Promise<string> {
  const giveUp = (): void => void answer.destroy()
  const forget = onAbort(signal, giveUp)
  try {
    signal.throwIfAborted()
    return (await readBody(answer, limits)).toString('utf8')
  } catch (cause) {
    signal.throwIfAborted()
    if (!(cause instanceof BodyFailure)) throw cause
    const status = cause.why === 'too-slow' ? 504 : 502
    throw new RelayFailure(status, `The API server’s answer cannot be read: ${cause.message}`, {
      asked: false,
      cause,
    })
  } finally {
    forget()
    // What is not read to its end would keep its connection.
    if (!answer.complete) answer.destroy()
  }
}
