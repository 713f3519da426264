import type { Timers } from '../time/clock.ts'
import type { FeedEvent } from './state-feed.ts'

/** Whoever reads nothing for so long is let go, in milliseconds. */
const patienceMs = 30_000

/** Whoever lost the connection comes back after so many milliseconds. */
const retryMs = 2_000

/** Where events are written to: the answer to a request, as Node has it. */
interface Answer {
  readonly destroyed: boolean
  /** False: the reader has not taken all yet; `drain` tells when it has. */
  write(text: string): boolean
  on(event: 'drain' | 'close', listener: () => void): unknown
  destroy(): unknown
}

/**
 * Server-sent events to one reader (HTML Living Standard, 9.2). A reader that is slow misses what happens meanwhile, and then
 * gets everything anew: nothing is remembered for anybody.
 */
export class EventStream {
  readonly #response: Answer
  readonly #anew: () => readonly FeedEvent[]
  readonly #timers: Timers
  #state: 'new' | 'open' | 'full' = 'new'
  #hasMissed = false
  #cancel: () => void = () => undefined

  /** @param anew everything as it is, for one that has just come, or has missed something */
  constructor(response: Answer, anew: () => readonly FeedEvent[], timers: Timers) {
    this.#response = response
    this.#anew = anew
    this.#timers = timers
    response.on('drain', () => this.#drained())
    response.on('close', () => this.#cancel())
  }

  /** Sends everything as it is. */
  begin(): void {
    this.#state = 'open'
    this.#write(`retry: ${retryMs}\n\n${textOf(this.#anew())}`)
  }

  /** Sends an event, unless the reader has not taken the last one yet. */
  send(event: FeedEvent): void {
    if (this.#state === 'open') this.#write(textOf([event]))
    else this.#hasMissed = true
  }

  #drained(): void {
    if (this.#state !== 'full') return
    this.#cancel()
    this.#state = 'open'
    const hasMissed = this.#hasMissed
    this.#hasMissed = false
    if (hasMissed) this.#write(textOf(this.#anew()))
  }

  #write(text: string): void {
    if (this.#response.destroyed || this.#response.write(text)) return
    this.#state = 'full'
    this.#cancel = this.#timers.setTimer(patienceMs, () => this.#response.destroy())
  }
}

function textOf(events: readonly FeedEvent[]): string {
  return events.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')
}
