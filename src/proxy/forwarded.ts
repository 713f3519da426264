import type { IncomingMessage } from 'node:http'
import type { Decision } from '../gate/decision.ts'
import { RelayFailure } from './relay-failure.ts'

/**
 * Passes an admitted write on, and takes back what was reserved for it once it is known what became of it. Where nobody
 * can tell, since the upstream was asked and does not answer, it stands until its deadline.
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
  // A gateway between here and there knows as little.
  if (answer.statusCode !== 502 && answer.statusCode !== 504) await release?.()
  return answer
}
