import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'
import { Repeats } from '../time/repeats.ts'
import type { ProxyMetrics } from './request-metrics.ts'

/** What comes again within so long still lasts, in milliseconds: the longest wait between two tries is half of that. */
const lastsMs = 60_000

/** What lasts is told again after so long, with how often it came, in milliseconds. */
const againMs = 10 * 60_000

/** So many problems are remembered at once; the one that was not seen for longest is forgotten first. */
const remembered = 200

interface Seen {
  readonly toldAt: number
  readonly seenAt: number
  /** How often it came since it was told. */
  readonly repeated: number
}

/**
 * Tells each problem once while it lasts, and then every ten minutes with how often it came, however many take turns. A
 * guard that cannot reach the API server tries again every second, and its log must not flood. A problem is told apart by
 * its words, not by the numbers in them: versions, times and identities differ each time.
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
    this.#tell('error', fields, message)
  }

  /** The same, for what does less harm. */
  warn(fields: object, message: string): void {
    this.#tell('warn', fields, message)
  }

  /** All is well again: what comes next is told at once. */
  well(): void {
    this.#seen.clear()
  }

  #tell(level: 'error' | 'warn', fields: object, message: string): void {
    const key = keyOf(fields, message)
    const now = this.#clock.monotonic()
    const before = this.#seen.get(key)
    // The one that was seen last is at the end.
    this.#seen.delete(key)
    const isTold = before && now - before.seenAt <= lastsMs && now - before.toldAt < againMs
    if (isTold) {
      this.#seen.set(key, { ...before, seenAt: now, repeated: before.repeated + 1 })
      return
    }
    this.#seen.set(key, { toldAt: now, seenAt: now, repeated: 0 })
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

/** Anybody can send requests without a token, as many as they like; one line a minute tells of them, in milliseconds. */
const tellEveryMs = 60_000

/** Counts the requests of callers who are not known, and says so once. */
export class UnknownCallers {
  readonly #metrics: Pick<ProxyMetrics, 'unknownCaller'>
  readonly #log: Logger
  readonly #now: () => number
  readonly #repeats = new Repeats(tellEveryMs)

  /** @param now milliseconds by a clock that is never set */
  constructor(metrics: Pick<ProxyMetrics, 'unknownCaller'>, log: Logger, now: () => number) {
    this.#metrics = metrics
    this.#log = log
    this.#now = now
  }

  /** A request came. @param error absent where what was found out a moment ago still counts */
  seen(why: 'stranger' | 'nameless' | 'untold', error: unknown): void {
    this.#metrics.unknownCaller(why)
    const repeat = this.#repeats.see(why, this.#now())
    if (!repeat.told) return
    this.#log.warn(
      { err: error, why, ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}) },
      texts[why],
    )
  }
}

const texts = {
  stranger: 'requests come from callers whom the API server does not accept',
  nameless: 'the API server does not tell who asks',
  untold: 'who asks cannot be found out',
} as const
