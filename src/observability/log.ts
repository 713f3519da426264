import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'
import { escapedText } from '../text/plain-text.ts'

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
