import type { IncomingMessage } from 'node:http'
import type { Outcome } from '../gate/outcome.ts'
import { isRefusal } from './refusal.ts'
import { RelayFailure } from './relay-failure.ts'

/**
 * Passes an admitted write on, and takes back what was reserved for it once it is certain what became of it. Where that
 * is not known it stands until its deadline: the upstream does not answer, or failed half-way.
 *
 * @param said what the client asked for, as JSON, where the upstream may repeat it in an error
 * @throws RelayFailure
 */
export async function forwarded(
  forward: (isLate: Outcome['isLate']) => Promise<IncomingMessage>,
  { release, isLate }: Pick<Outcome, 'release' | 'isLate'>,
  said = '',
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
      if (isRefusal(text, said)) void release()
    })
  } else if ((answer.statusCode ?? 502) < 500) await release()
  return answer
}

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
