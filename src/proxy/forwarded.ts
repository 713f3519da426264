import type { IncomingMessage } from 'node:http'
import type { Decision } from '../gate/decision.ts'
import { RelayFailure } from './relay-failure.ts'

/**
 * Passes an admitted write on, and takes back what was reserved for it once it is certain what became of it. Where that
 * is not known it stands until its deadline: the upstream does not answer, or failed half-way.
 *
 * @throws RelayFailure
 */
export async function forwarded(
  forward: (isLate: Decision['isLate']) => Promise<IncomingMessage>,
  { release, isLate }: Pick<Decision, 'release' | 'isLate'>,
): Promise<IncomingMessage> {
  let answer: IncomingMessage
  try {
    answer = await forward(isLate)
  } catch (error) {
    if (error instanceof RelayFailure && !error.asked) await release?.()
    throw error
  }
  if (!release) return answer
  if (answer.statusCode === 500) {
    // It is read anyway on its way to the client.
    heardOf(answer, (text) => {
      if (refusal.test(text)) void release()
    })
  } else if ((answer.statusCode ?? 502) < 500) await release()
  return answer
}

/**
 * What the API server says of a write that it has not begun to store. Longhorn's manager passes it on as a 500, which it
 * makes of everything (longhorn.md §5). A write that ended in "etcdserver: request timed out", or in a time-out of the
 * manager's own, may still be done.
 */
const refusal = /denied the request|failed calling webhook| is invalid: /

/** A message with what was refused is shorter, in characters. */
const maxLength = 64 * 1024

/** Calls once with the whole text of an answer, if it is read to its end and not too long. It does not begin to flow. */
function heardOf(answer: IncomingMessage, call: (text: string) => void): void {
  let text = ''
  answer.on('data', (chunk: Buffer) => {
    if (text.length <= maxLength) text += chunk.toString('latin1')
  })
  answer.pause()
  answer.once('end', () => {
    if (text.length <= maxLength) call(text)
  })
}
