import type { Timers } from '../time/clock.ts'
import type { FeedEvent } from './state-feed.ts'

/** A reader that takes nothing for so long is disconnected, in milliseconds. */
const withinMs = 30_000

/** A browser that lost the connection comes back after so many milliseconds. */
const retryMs = 2_000

/** A reader that takes so much at a time is slow, and not gone. In bytes. */
const chunkSize = 64 * 1_024

/** Where events are written to: the answer to a request, as Node has it. */
interface Answer {
  readonly destroyed: boolean
  /** False: the reader has not taken all yet. The event `drain` comes when it has. */
  write(bytes: Uint8Array): boolean
  on(event: 'drain' | 'close', listener: () => void): unknown
  destroy(): unknown
}

/**
 * Server-sent events to one reader (HTML Living Standard, 9.2). A reader that is slow misses what happens meanwhile, and then
 * gets everything anew. The stream remembers no event for any reader.
 */
export class EventStream {
  readonly #response: Answer
  readonly #anew: () => readonly FeedEvent[]
  readonly #timers: Timers
  #state: 'new' | 'open' | 'full' = 'new'
  #hasMissed = false
  #cancel: () => void = () => undefined
  /** The part of the last text that is not written yet. */
  #rest: Buffer = Buffer.alloc(0)

  /** @param anew the whole present, for a reader that has just come, or has missed something */
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
      this.#cancel = this.#timers.setTimer(withinMs, () => this.#response.destroy())
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
