import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'

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
