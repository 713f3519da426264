import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import type { DecisionListener, Heard, Timing } from '../gate/ports.ts'
import { findingsOf, isOnRecord, type Verdict } from '../gate/verdict.ts'
import { type Change, isArming, nameOf } from '../rules/change.ts'
import { escapedText, plainLine } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import { Repeats } from '../time/repeats.ts'

/**
 * Logs decisions, not requests: what is held, refused, warned about, or cannot be judged, and every arming change
 * that is admitted. The rest, which is nearly everything, appears at level debug only.
 */
export class DecisionLog implements DecisionListener {
  readonly hears: Heard
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #hasRecords: boolean
  readonly #repeats = new Repeats()

  /** @param hasRecords true where records go into the same log: what is on record needs no second line there */
  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>, hasRecords = false) {
    this.hears = log.isLevelEnabled('debug') ? 'everything' : 'what-matters'
    this.#log = log
    this.#clock = clock
    this.#hasRecords = hasRecords
  }

  decided(change: Change, verdict: Verdict, { totalMs, heldMs }: Timing): void {
    if (this.#hasRecords && isOnRecord(verdict, { heldMs })) return
    const mark = verdict.decision === 'allow' ? verdict.mark : undefined
    const plain = verdict.decision === 'allow' && verdict.warnings.length === 0 && mark === undefined
    const ordinary = plain && !isArming(change)
    if (ordinary && !this.#log.isLevelEnabled('debug')) return
    const findings = findingsOf(verdict)
    const { uid, actor, door, dryRun } = change.request
    const who = actor.username
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    const key = [verdict.decision, change.kind, nameOf(change), change.operation, who, dryRun, ...rules].join(
      ' ',
    )
    const repeat = this.#repeats.see(key, this.#clock.monotonic())
    if (!repeat.told) return
    const fields = {
      uid,
      door,
      user: who,
      kind: change.kind,
      name: nameOf(change),
      operation: change.operation,
      dryRun,
      decision: verdict.decision,
      ...(verdict.decision === 'unavailable' ? { why: verdict.why } : {}),
      ...(mark ? { mark } : {}),
      rules,
      subjects: findings.slice(0, 10).flatMap(({ subjects }) => subjects),
      // Microseconds say enough.
      decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
      ...(heldMs > 0 ? { heldMs: Math.round(heldMs) } : {}),
      ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}),
    }
    this.#log[ordinary ? 'debug' : levels[verdict.decision]](fields, texts[verdict.decision])
  }
}

const levels = { allow: 'info', hold: 'warn', refuse: 'warn', unavailable: 'error' } as const

const texts: Readonly<Record<Verdict['decision'], string>> = {
  allow: 'change admitted',
  hold: 'change held back',
  refuse: 'change refused',
  unavailable: 'change cannot be judged',
}

/**
 * Tells a person at a terminal what is decided: one short line for each change of concern, repeated ones only now
 * and then.
 */
export class DecisionLines implements DecisionListener {
  readonly #write: (line: string) => void
  readonly #clock: Pick<Clock, 'now'>
  readonly #repeats = new Repeats()

  constructor(write: (line: string) => void, clock: Pick<Clock, 'now'>) {
    this.#write = write
    this.#clock = clock
  }

  decided(change: Change, verdict: Verdict, { heldMs }: Pick<Timing, 'heldMs'>): void {
    const plain = verdict.decision === 'allow' && verdict.warnings.length === 0 && verdict.mark === undefined
    if (plain && !isArming(change)) return
    const { actor, dryRun } = change.request
    const now = this.#clock.now()
    const what = `${change.operation} of ${change.kind} ${nameOf(change)} by ${actor.username}`
    const line = plainLine(
      `${words[verdict.decision]}: ${what}${dryRun ? ' (dry run)' : ''}${wait(verdict, heldMs)}${why(verdict)}`,
    )
    const repeat = this.#repeats.see(line, now)
    if (!repeat.told) return
    const again = repeat.repeated > 0 ? `, ${repeat.repeated} times more since the last line` : ''
    this.#write(`${new Date(now).toISOString().slice(11, 19)} ${line}${again}`)
  }
}

const words: Readonly<Record<Verdict['decision'], string>> = {
  allow: 'admitted',
  hold: 'held back',
  refuse: 'refused',
  unavailable: 'cannot be judged',
}

/** What was admitted in the end may have waited within its request; a hold that is answered speaks for itself. */
function wait({ decision }: Verdict, heldMs: number): string {
  return decision === 'allow' && heldMs >= 500 ? `, held back for ${Math.round(heldMs / 1_000)} s first` : ''
}

function why(verdict: Verdict): string {
  switch (verdict.decision) {
    case 'hold':
    case 'refuse':
      return `, by ${[...new Set(verdict.objections.map(({ rule }) => rule))].join(', ')}`
    case 'unavailable':
      return `: ${verdict.why}`
    case 'allow':
      if (verdict.mark) return ', since the uninstaller of Longhorn has marked it'
      return verdict.warnings.length > 0
        ? `, warned by ${[...new Set(verdict.warnings.map(({ rule }) => rule))].join(', ')}`
        : ''
  }
}

/**
 * Makes the log: one JSON object a line, with a constant text in `msg` and everything variable in fields. Errors go
 * in the field `err` with their causes. Characters that act on a terminal are escaped, whoever wrote them.
 *
 * @param level `debug`, `info`, `warn`, `error` or `silent`
 */
export function createLog(level: string, destination: DestinationStream): Logger {
  const escaping = { write: (line: string) => destination.write(escapedText(line)) }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, escaping)
}

/** Where the lines of the log go. */
interface LogTarget {
  write(text: string): unknown
  /** What was written and is not taken yet, in bytes. */
  readonly writableLength?: number
}

/** Why a line is not in the log: its reader stalls, or there is none left. */
type LogDropReason = 'stalled' | 'closed'

/** So much may wait for a reader that stalls, in bytes: half a minute of a busy log. */
const mostWaiting = 4 * 2 ** 20

/**
 * Hands the log to a stream that may stall or close, without waiting and without growing. A line that is left out is
 * counted, and once lines are taken again the log says how many are missing.
 */
export class LogStream implements DestinationStream {
  readonly #target: LogTarget
  readonly #most: number
  readonly #dropped: Record<LogDropReason, number> = { stalled: 0, closed: 0 }
  #missing = 0
  #isClosed = false

  /** @param most how much may wait for the reader, in bytes */
  constructor(target: LogTarget, most = mostWaiting) {
    this.#target = target
    this.#most = most
  }

  /** How many lines are not in the log, by reason. */
  get dropped(): Readonly<Record<LogDropReason, number>> {
    return this.#dropped
  }

  /** The stream has failed, so nothing is written from now on. @returns false if it was closed before */
  close(): boolean {
    if (this.#isClosed) return false
    this.#isClosed = true
    return true
  }

  write(line: string): void {
    if (this.#isClosed) {
      this.#dropped.closed += 1
      return
    }
    if ((this.#target.writableLength ?? 0) + line.length > this.#most) {
      this.#dropped.stalled += 1
      this.#missing += 1
      return
    }
    if (this.#missing > 0) this.#tellWhatIsMissing()
    this.#target.write(line)
  }

  /** In the form of pino’s own lines. */
  #tellWhatIsMissing(): void {
    const time = new Date().toISOString()
    const msg = 'lines of the log are missing here, since nobody read them'
    this.#target.write(`${JSON.stringify({ level: 40, time, missing: this.#missing, msg })}\n`)
    this.#missing = 0
  }
}
