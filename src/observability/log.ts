import { createHash } from 'node:crypto'
import { type DestinationStream, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino'
import type { DecisionListener, DecisionScope, Timing } from '../gate/ports.ts'
import { decisionFor, findingsOf, isOnRecord, type Verdict } from '../gate/verdict.ts'
import { type Change, isArming, nameOf } from '../rules/change.ts'
import { defaultPolicy, type Policy } from '../rules/policy.ts'
import { escapedText, plainLine } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'

/** The number of repeats since the last report; `passes` is false for one that is counted only. */
type Repeat = { readonly passes: true; readonly repeated: number } | { readonly passes: false }

/**
 * Reports the first of many equal events, then at most one per interval, with the number of those it only
 * counted. A controller of Longhorn retries a denied write up to 50 times a second (longhorn.md §3).
 */
export class Throttle {
  readonly #intervalMs: number
  readonly #most: number
  readonly #seen = new Map<string, { reportedAt: number; repeated: number }>()

  /**
   * @param intervalMs the minimum time between two reports of one key
   * @param most the number of keys to remember; a key that is evicted, longest unseen first, is reported
   *   again
   */
  constructor(intervalMs = 10_000, most = 1_000) {
    this.#intervalMs = intervalMs
    this.#most = most
  }

  /** @param now milliseconds since the epoch */
  see(what: string, now: number): Repeat {
    // User names have no length limit.
    const key = createHash('sha256').update(what).digest('base64')
    const entry = this.#seen.get(key)
    this.#seen.delete(key)
    if (entry && now - entry.reportedAt < this.#intervalMs) {
      this.#seen.set(key, { reportedAt: entry.reportedAt, repeated: entry.repeated + 1 })
      return { passes: false }
    }
    this.#seen.set(key, { reportedAt: now, repeated: 0 })
    if (this.#seen.size > this.#most) this.#forgetOldest()
    return { passes: true, repeated: entry?.repeated ?? 0 }
  }

  #forgetOldest(): void {
    for (const key of this.#seen.keys()) {
      this.#seen.delete(key)
      return
    }
  }
}

/**
 * Logs decisions, not requests: holds, denials, warnings, writes that cannot be judged, and every admitted
 * arming change. The rest, which is almost everything, appears at level debug only.
 */
export class DecisionLog implements DecisionListener {
  readonly scope: DecisionScope
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #hasRecords: boolean
  readonly #policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
  readonly #throttle = new Throttle()

  /**
   * @param about `hasRecords`: true if audit records go into the same log, where a recorded decision needs no second line.
   *   `policy`: which accounts must not wait
   */
  constructor(
    log: Logger,
    clock: Pick<Clock, 'monotonic'>,
    {
      hasRecords = false,
      policy,
    }: {
      readonly hasRecords?: boolean
      readonly policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
    },
  ) {
    this.scope = log.isLevelEnabled('debug') ? 'everything' : 'what-matters'
    this.#log = log
    this.#clock = clock
    this.#hasRecords = hasRecords
    this.#policy = policy
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
    const decision = decisionFor(change, verdict, this.#policy)
    const key = [decision, change.kind, nameOf(change), change.operation, who, dryRun, ...rules].join(' ')
    const repeat = this.#throttle.see(key, this.#clock.monotonic())
    if (!repeat.passes) return
    const fields = {
      uid,
      door,
      user: who,
      kind: change.kind,
      name: nameOf(change),
      operation: change.operation,
      dryRun,
      decision,
      ...(verdict.decision === 'unavailable' ? { why: verdict.why } : {}),
      ...(mark ? { mark } : {}),
      rules,
      subjects: findings.slice(0, 10).flatMap(({ subjects }) => subjects),
      // Microseconds are precise enough.
      decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
      ...(heldMs > 0 ? { heldMs: Math.round(heldMs) } : {}),
      ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}),
    }
    this.#log[ordinary ? 'debug' : levels[decision]](fields, texts[decision])
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
 * Shows decisions to a person at a terminal: one short line for each change of concern, repeated ones only
 * now and then.
 */
export class DecisionLines implements DecisionListener {
  readonly #write: (line: string) => void
  readonly #clock: Pick<Clock, 'now'>
  readonly #inWords: (change: Change) => string
  readonly #throttle = new Throttle()

  /** @param inWords what a change does; where it is empty, the line has the words of the API */
  constructor(
    write: (line: string) => void,
    clock: Pick<Clock, 'now'>,
    inWords: (change: Change) => string = () => '',
  ) {
    this.#write = write
    this.#clock = clock
    this.#inWords = inWords
  }

  decided(change: Change, verdict: Verdict, { heldMs }: Pick<Timing, 'heldMs'>): void {
    const plain = verdict.decision === 'allow' && verdict.warnings.length === 0 && verdict.mark === undefined
    if (plain && !isArming(change)) return
    const { actor, dryRun } = change.request
    const now = this.#clock.now()
    const what = this.#inWords(change) || `${change.operation} of ${change.kind} ${nameOf(change)}`
    const line = plainLine(
      `${words[decisionFor(change, verdict, defaultPolicy)]}: ${what} by ${actor.username}${dryRun ? ' (dry run)' : ''}${wait(verdict, heldMs)}${why(verdict)}`,
    )
    const repeat = this.#throttle.see(line, now)
    if (!repeat.passes) return
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

/** An admitted change may have waited within its request; the answer to a hold says that itself. */
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
 * Makes the log: one JSON object a line, with a constant text in `msg` and all variable parts in fields.
 * Errors go in the field `err` with their causes. Characters that act on a terminal are escaped, whatever
 * their source.
 *
 * @param level `debug`, `info`, `warn`, `error` or `silent`
 * @param inSources shows the sources in the stack trace of an error
 */
export function createLog(
  level: string,
  destination: DestinationStream,
  inSources = (stack: string): string => stack,
): Logger {
  const escaping = { write: (line: string) => destination.write(escapedText(line)) }
  const err = (error: Error): object => {
    const shown = stdSerializers.err(error)
    if (typeof shown.stack === 'string') shown.stack = inSources(shown.stack)
    return shown
  }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, serializers: { err } }, escaping)
}

/** The destination of log lines. */
interface LogTarget {
  write(text: string): unknown
  /** Bytes that were written and not yet taken. */
  readonly writableLength?: number
}

/** Why a line is not in the log: its reader is too slow, or gone. */
type LogDropReason = 'stalled' | 'closed'

/** How much may wait for a slow reader, in bytes: half a minute of a busy log. */
const mostWaiting = 4 * 2 ** 20

/**
 * Writes the log to a stream that may stall or close, without waiting and without growing. It counts dropped
 * lines, and once the stream takes lines again, the log says how many are missing.
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

  /** The stream has failed, so writing stops. @returns false if it was closed before */
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
    if (this.#missing > 0) this.#writeWhatIsMissing()
    this.#target.write(line)
  }

  /** In the form of pino’s own lines. */
  #writeWhatIsMissing(): void {
    const time = new Date().toISOString()
    const msg = 'lines of the log are missing here: its reader was too slow'
    this.#target.write(`${JSON.stringify({ level: 40, time, missing: this.#missing, msg })}\n`)
    this.#missing = 0
  }
}
