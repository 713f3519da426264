import type { IncomingMessage } from 'node:http'
import { Type } from 'typebox'
import type { UnjudgedWrite } from '../../gate/ports.ts'
import { parser } from '../../json/schema.ts'
import { isFlagged } from '../../longhorn/node.ts'
import { type Change, isArming } from '../../rules/change.ts'
import { cut, plainLine } from '../../text/plain-text.ts'
import type { CallOutcome, JudgedCall, OwnAnswer } from './door.ts'
import { RelayFailure } from './relay-failure.ts'

/** Handles writes that cannot be brought before the gate. */
export interface UnjudgedModules {
  /** False if the whole guard only warns: then nothing is denied, whatever fails. */
  readonly enforces: boolean
  /**
   * Records a denial before its answer leaves. It settles after `withinMs` milliseconds in any case, never
   * throws, and never rejects.
   */
  readonly denied: (write: UnjudgedWrite, withinMs: number) => void | Promise<void>
  /** Called with internal errors. */
  readonly onProblem: (error: unknown) => void
}

/** Why such a write is denied. */
interface Denial {
  /** In the format of the API. */
  readonly answer: OwnAnswer
  /** Its message. */
  readonly message: string
}

/**
 * Denies such a write on record, or, if nothing is enforced, forwards it with a warning.
 *
 * @throws RelayFailure
 */
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

/** Forwards, with a warning, a write that would be denied if anything were enforced. @throws RelayFailure */
export async function onlyWatched(
  message: string,
  forward: () => Promise<IncomingMessage>,
): Promise<CallOutcome> {
  return { outcome: 'passed', answer: await forward(), warnings: [notJudged(message)] }
}

/**
 * The warning for a write that passes unjudged, since nothing is enforced.
 *
 * @param message of the denial that it replaces
 */
export function notJudged(message: string): string {
  return cut(
    plainLine(`holdfast: not judged, and allowed, since the guard only warns: ${message}`),
    longestWarning,
  )
}

/** As long as the warnings of the webhook. */
const longestWarning = 250

/** How long such a denial may wait for its record, in milliseconds. */
const recordMs = 2_000

/** The message for a bug in Holdfast. */
export const undecided = 'Holdfast failed to judge this request, so it does not forward it; its log says why'

/**
 * Judges. A write on which a bug makes that fail is one of those.
 *
 * @throws RelayFailure, or the signal's reason
 */
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

/**
 * True for a write that leaves no eviction requested on its node, and removes no disk. It is the cure, and
 * has to pass even if the node cannot be read (longhorn.md §2).
 *
 * @param change on the last known version of the node
 */
export function onlyClearsFlags(change: Change): boolean {
  return (
    change.kind === 'Node' && change.operation === 'UPDATE' && !isFlagged(change.after) && !isArming(change)
  )
}

const parseError = parser(Type.Object({ message: Type.String() }), ({ message }) => message)

/**
 * True if an error with status 500 is the API server's answer to a write that it has not begun to store.
 * Longhorn's manager passes that on as a 500, its status for everything (longhorn.md §5). A write that ended
 * in "etcdserver: request timed out", or in a time-out of the manager's own, may still be done.
 *
 * Names of disks are free text and can contain anything, so only the beginning of the message counts. It
 * counts only if the client did not use these words itself, since the manager repeats the disks of a clean-up
 * before the error.
 *
 * @param text the body of the answer, one character for each byte
 * @param said the body of the client, JSON of any depth
 */
export function isRefusal(text: string, said: string): boolean {
  if (said.length > mostSaid) return false
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return false
  }
  const parsed = parseError(answer)
  return parsed.ok && refusal.test(parsed.value) && !words.test(unescaped(said))
}

/**
 * In characters; Longhorn's UI sends about ten thousand. A longer text takes long to search, and counts as
 * containing anything.
 */
const mostSaid = 256 * 1024

/**
 * The same text with each numeric JSON escape replaced by its character. Parsing and writing it again would
 * nest.
 */
function unescaped(json: string): string {
  return json.replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/**
 * The prefix of Longhorn's manager and the API server before an error; a name of an object has no space and
 * no colon.
 */
const before = String.raw`(?:[A-Za-z][\w /.-]{0,300}(?: \[[\w -]*\])?: ){0,4}`

const refusal = new RegExp(
  `^${before}(?:${[
    String.raw`admission webhook "[a-z0-9.-]+" denied the request`,
    String.raw`failed calling webhook "[a-z0-9.-]+"`,
    String.raw`[A-Za-z]+\.longhorn\.io "[a-z0-9.-]+" is invalid`,
  ].join('|')})(?::| without explanation$)`,
)

const words = /denied the request|failed calling webhook|is invalid/
