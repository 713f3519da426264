import type { Logger } from 'pino'
import type { ProxyMetrics } from './proxy-metrics.ts'
import { Repeats } from './repeats.ts'

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
