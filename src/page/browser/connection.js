/** @import { AuditRecord } from '../../observability/audit-record.ts' */
/** @import { State, StateChange } from '../state-schema.ts' */
/** @import { Trend } from '../trend.ts' */
/** @import { StoryLine } from '../story.ts' */

/**
 * @typedef {object} Events the events of the stream; see docs/ui.md
 * @property {(state: State) => void} state
 * @property {(change: StateChange) => void} change
 * @property {(moment: Pick<State, 'now' | 'observedAt' | 'currentAt'>) => void} pulse
 * @property {(records: AuditRecord[]) => void} records
 * @property {(record: AuditRecord) => void} record
 * @property {(trend: Trend) => void} trend
 * @property {(lines: StoryLine[]) => void} story
 */

const path = '../api/v1/events'

/** The stream sends a pulse every two seconds. After so long without one, in milliseconds, it is stale. */
const silentMs = 6_000

/** The guard may be restarting: the next try after a refusal comes so much later, in milliseconds. */
const retryMs = 2_000

/** Follows the stream of events, connects again by itself, and knows when the last event came. */
export class Connection {
  #heardAt = performance.now()
  #isOpen = false
  /** The server's clock, minus the one of this page. */
  #ahead = 0
  /** Why the server refuses the stream; empty while it does not. */
  #refusal = ''
  #events

  /** @param {Events} events */
  constructor(events) {
    this.#events = events
    this.#open()
  }

  /** For how long no event came, in milliseconds. */
  get silentMs() {
    return performance.now() - this.#heardAt
  }

  /** True if the page shows the present. */
  get isLive() {
    return this.#isOpen && this.silentMs < silentMs
  }

  /** This moment by the server's clock. */
  get now() {
    return performance.now() + this.#ahead
  }

  /** A sentence of the server; empty if it refuses nothing. */
  get refusal() {
    return this.#refusal
  }

  #open() {
    const source = new EventSource(path)
    source.onopen = () => {
      this.#isOpen = true
      this.#refusal = ''
    }
    source.onerror = () => {
      this.#isOpen = false
      // A browser tries again after a lost connection, and never after an answer that is no stream.
      if (source.readyState !== EventSource.CLOSED) return
      void this.#askWhy()
      setTimeout(() => this.#open(), retryMs)
    }
    for (const name of /** @type {(keyof Events)[]} */ (Object.keys(this.#events)))
      source.addEventListener(name, ({ data }) => this.#heard(name, /** @type {never} */ (JSON.parse(data))))
  }

  /** An EventSource does not show the answer that it got. */
  async #askWhy() {
    const leaving = new AbortController()
    try {
      const response = await fetch(path, { signal: leaving.signal })
      this.#refusal = response.ok ? '' : String((await response.json()).error)
    } catch {
      this.#refusal = ''
    } finally {
      leaving.abort()
    }
  }

  /**
   * @param {keyof Events} name
   * @param {never} data as the server of this very version sends it
   */
  #heard(name, data) {
    this.#heardAt = performance.now()
    this.#isOpen = true
    const { now } = /** @type {{ now?: number }} */ (data)
    if (now !== undefined) this.#ahead = now - this.#heardAt
    this.#events[name](data)
  }
}
