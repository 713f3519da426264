import type { IncomingMessage } from 'node:http'
import type { UnjudgedWrite } from '../gate/ports.ts'
import type { JudgedCall, CallOutcome, OwnAnswer } from './door.ts'
import { RelayFailure } from './relay-failure.ts'
import { cut } from '../text/cut.ts'
import { plainLine } from '../text/plain-text.ts'

/** What is done about writes that cannot be brought before the gate. */
export interface UnjudgedModules {
  /** False where the whole guard only watches: then nothing is denied, whatever goes wrong. */
  readonly enforces: boolean
  /**
   * Puts on record what is denied here, before the answer leaves. It settles after `patienceMs` milliseconds in any case,
   * never throws, and never rejects.
   */
  readonly denied: (write: UnjudgedWrite, patienceMs: number) => void | Promise<void>
  /** Told of what should not have happened. */
  readonly onProblem: (error: unknown) => void
}

/** Why such a write is denied. */
export interface Denial {
  /** In the words of the API. */
  readonly answer: OwnAnswer
  /** The sentence in it. */
  readonly message: string
}

/** Denies such a write on record, or, where nothing is enforced, passes it on with a warning. @throws RelayFailure */
export async function unjudged(
  { enforces, denied }: UnjudgedModules,
  write: UnjudgedWrite,
  { answer, message }: Denial,
  forward: () => Promise<IncomingMessage>,
): Promise<CallOutcome> {
  if (!enforces) return await onlyWatched(message, forward)
  await denied(write, recordMs)
  return { outcome: 'own', answer }
}

/** Passes on, with a warning, what would be denied if anything were enforced. @throws RelayFailure */
export async function onlyWatched(
  message: string,
  forward: () => Promise<IncomingMessage>,
): Promise<CallOutcome> {
  return { outcome: 'passed', answer: await forward(), warnings: [notJudged(message)] }
}

/** The warning for what passes unjudged, since nothing is enforced. @param message what it would be denied with */
export function notJudged(message: string): string {
  return cut(
    plainLine(`holdfast: not judged, and let pass, since it only watches: ${message}`),
    longestWarning,
  )
}

/** As long as the warnings of the webhook. */
const longestWarning = 250

/** How long such a denial may wait for its record, in milliseconds. */
const recordMs = 2_000

/** Said of a mistake of ours. */
export const undecided = 'Holdfast failed to judge this, and so does not pass it on; its log says why'

/** Judges; a write on which that fails by a mistake of ours is one of those. @throws RelayFailure, or the signal's reason */
export async function judgedOrNot(
  modules: UnjudgedModules,
  write: Omit<UnjudgedWrite, 'why'>,
  { signal, forward }: JudgedCall,
  answer: OwnAnswer,
  judge: () => Promise<CallOutcome>,
): Promise<CallOutcome> {
  try {
    return await judge()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof RelayFailure) throw error
    modules.onProblem(error)
    return await unjudged(modules, { ...write, why: 'undecided' }, { answer, message: undecided }, forward)
  }
}
