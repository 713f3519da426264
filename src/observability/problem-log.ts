import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'
import { Throttle } from './log.ts'
import type { ProxyMetrics } from './request-metrics.ts'

/**
 * A problem that returns within this time still lasts, in milliseconds: the longest wait between two tries is
 * half of it.
 */
const lastsMs = 60_000

/** A lasting problem is logged again after this time, with its count, in milliseconds. */
const againMs = 10 * 60_000

/** The maximum of remembered problems; the one that was unseen for longest is dropped first. */
const remembered = 200

interface Seen {
  readonly loggedAt: number
  readonly seenAt: number
  /** How often it came since it was last logged. */
  readonly repeated: number
}

/**
 * Logs each problem once while it lasts, and then every ten minutes with its count, however many problems
 * alternate. A guard that cannot reach the API server retries every second, and must not flood the log.
 * Problems are equal if their words are, whatever the numbers: versions, times and identities differ each
 * time.
 */
export class ProblemLog {
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #seen = new Map<string, Seen>()

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log
    this.#clock = clock
  }

  /** @param fields `err` is the error, if there is one */
  error(fields: object, message: string): void {
    this.#write('error', fields, message)
  }

  /** The same for lesser problems. */
  warn(fields: object, message: string): void {
    this.#write('warn', fields, message)
  }

  /** The problems are over: the next one is logged at once. */
  well(): void {
    this.#seen.clear()
  }

  #write(level: 'error' | 'warn', fields: object, message: string): void {
    const key = keyOf(fields, message)
    const now = this.#clock.monotonic()
    const before = this.#seen.get(key)
    // The last one seen is at the end.
    this.#seen.delete(key)
    const isLogged = before && now - before.seenAt <= lastsMs && now - before.loggedAt < againMs
    if (isLogged) {
      this.#seen.set(key, { ...before, seenAt: now, repeated: before.repeated + 1 })
      return
    }
    this.#seen.set(key, { loggedAt: now, seenAt: now, repeated: 0 })
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= remembered) break
      this.#seen.delete(oldest)
    }
    const repeated = before?.repeated ?? 0
    this.#log[level]({ ...fields, ...(repeated > 0 ? { repeated } : {}) }, message)
  }
}

function keyOf(fields: object, message: string): string {
  const said = Object.entries(fields).map(([name, value]: [string, unknown]) => [name, String(value)])
  return JSON.stringify([message, said]).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, '#')
}

/**
 * Any client can send requests without a token, without limit; they get one line a minute, in milliseconds.
 */
const logEveryMs = 60_000

/** Counts the requests of unknown callers, and logs a summary. */
export class UnknownCallers {
  readonly #metrics: Pick<ProxyMetrics, 'unknownCaller'>
  readonly #log: Logger
  readonly #now: () => number
  readonly #throttle = new Throttle(logEveryMs)

  /** @param now milliseconds by a clock that is never set */
  constructor(metrics: Pick<ProxyMetrics, 'unknownCaller'>, log: Logger, now: () => number) {
    this.#metrics = metrics
    this.#log = log
    this.#now = now
  }

  /** A request came. @param error absent if an earlier result was reused */
  seen(why: 'stranger' | 'nameless' | 'untold', error: unknown): void {
    this.#metrics.unknownCaller(why)
    const repeat = this.#throttle.see(why, this.#now())
    if (!repeat.passes) return
    this.#log.warn(
      { err: error, why, ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}) },
      texts[why],
    )
  }
}

const texts = {
  stranger: 'the API server rejects the credentials of callers',
  nameless: 'the API server does not name the user of a request',
  untold: 'the user of a request cannot be found out',
} as const
