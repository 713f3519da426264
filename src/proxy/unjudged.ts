import type { UnjudgedWrite } from '../gate/ports.ts'
import type { Outcome, OwnAnswer } from './door.ts'

/** What is done about writes that cannot be brought before the gate. */
export interface UnjudgedModules {
  /** False where the whole guard only watches: then nothing is denied, whatever goes wrong. */
  readonly enforces: boolean
  /** Puts on record what is denied here, before the answer leaves. It never throws, and never rejects. */
  readonly denied: (write: UnjudgedWrite) => void | Promise<void>
}

/** Denies such a write on record, or, where nothing is enforced, passes it on. @throws RelayFailure */
export async function unjudged(
  { enforces, denied }: UnjudgedModules,
  write: UnjudgedWrite,
  answer: OwnAnswer,
  forward: () => Promise<Extract<Outcome, { outcome: 'passed' }>['answer']>,
): Promise<Outcome> {
  if (!enforces) return { outcome: 'passed', answer: await forward(), warnings: [] }
  await denied(write)
  return { outcome: 'own', answer }
}
