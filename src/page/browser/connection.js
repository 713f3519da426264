/** @import { AuditRecord } from '../../observability/audit-record.ts' */
/** @import { State, StateChange } from '../state-schema.ts' */
/** @import { Trend } from '../trend.ts' */
/** @import { StoryLine } from '../story.ts' */

/**
 * @typedef {object} Events what the stream tells; see docs/ui.md
 * @property {(state: State) => void} state
 * @property {(change: StateChange) => void} change
 * @property {(moment: Pick<State, 'now' | 'observedAt' | 'currentAt'>) => void} pulse
 * @property {(records: AuditRecord[]) => void} records
 * @property {(record: AuditRecord) => void} record
 * @property {(trend: Trend) => void} trend
 * @property {(lines: StoryLine[]) => void} story
 */

/** The stream is heard of every two seconds; without a word for so long it is stale. In milliseconds. */
const silentMs = 6_000

/** Whoever was refused tries again after so long, in milliseconds: the guard may be restarting. */
const retryMs = 2_000

/** Follows the stream of events, comes back by itself when it ends, and says when it was heard of last. */
export class Connection {
  #heardAt = performance.now()
  #isOpen = false
  /** By the clock of whoever answers, minus ours. */
  #ahead = 0
  #events

  /** @param {Events} events */
  constructor(events) {
    this.#events = events
    this.#open()
  }

  /** For how long nothing was heard, in milliseconds. */
  get silentMs() {
    return performance.now() - this.#heardAt
  }

  /** True if what is shown is as it is now. */
  get isLive() {
    return this.#isOpen && this.silentMs < silentMs
  }

  /** This moment by the clock of whoever answers. */
  get now() {
    return performance.now() + this.#ahead
  }

  #open() {
    const source = new EventSource('../api/v1/events')
    source.onopen = () => (this.#isOpen = true)
    source.onerror = () => {
      this.#isOpen = false
      // It comes back by itself from a lost connection, and never from an answer that is no stream.
      if (source.readyState !== EventSource.CLOSED) return
      setTimeout(() => this.#open(), retryMs)
    }
    for (const name of /** @type {(keyof Events)[]} */ (Object.keys(this.#events)))
      source.addEventListener(name, ({ data }) => this.#heard(name, /** @type {never} */ (JSON.parse(data))))
  }

  /**
   * @param {keyof Events} name
   * @param {never} data what the server of this very version sent
   */
  #heard(name, data) {
    this.#heardAt = performance.now()
    this.#isOpen = true
    const { now } = /** @type {{ now?: number }} */ (data)
    if (now !== undefined) this.#ahead = now - this.#heardAt
    this.#events[name](data)
  }
}
