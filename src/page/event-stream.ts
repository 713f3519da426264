import type { Timers } from '../time/clock.ts'
import type { FeedEvent } from './state-feed.ts'

/** Whoever reads nothing for so long is let go, in milliseconds. */
const patienceMs = 30_000

/** Whoever lost the connection comes back after so many milliseconds. */
const retryMs = 2_000

/** So much is written at a time: a reader that takes that much is slow, and not gone. In bytes. */
const chunkSize = 64 * 1_024

/** Where events are written to: the answer to a request, as Node has it. */
interface Answer {
  readonly destroyed: boolean
  /** False: the reader has not taken all yet; `drain` tells when it has. */
  write(bytes: Uint8Array): boolean
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
  /** What is still to be written of what was begun. */
  #rest: Buffer = Buffer.alloc(0)

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
    this.#hasMissed = false
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
    this.#writeRest()
    if (this.#isFull() || !this.#hasMissed) return
    this.#hasMissed = false
    this.#write(textOf(this.#anew()))
  }

  #write(text: string): void {
    this.#rest = Buffer.from(text)
    this.#writeRest()
  }

  #writeRest(): void {
    while (this.#rest.length > 0 && !this.#response.destroyed) {
      const chunk = this.#rest.subarray(0, chunkSize)
      this.#rest = this.#rest.subarray(chunkSize)
      if (this.#response.write(chunk)) continue
      this.#state = 'full'
      this.#cancel = this.#timers.setTimer(patienceMs, () => this.#response.destroy())
      return
    }
  }

  #isFull(): boolean {
    return this.#state === 'full'
  }
}

function textOf(events: readonly FeedEvent[]): string {
  return events.map(({ name, data }) => `event: ${name}\ndata: ${data}\n\n`).join('')
}
