import { monotonicMs } from './clock.ts'

/** A longer piece of work would delay the answers to others, in milliseconds. */
const pieceMs = 5

/**
 * Splits long work into pieces. Each piece gets its own turn of the event loop, so requests are answered in between.
 */
export class Pace {
  readonly #now: () => number
  readonly #later: (go: () => void) => void
  readonly #waiting: (() => void)[] = []
  #began = -Infinity

  /** @param later calls back in a later turn of the event loop */
  constructor(now: () => number = monotonicMs, later: (go: () => void) => void = setImmediate) {
    this.#now = now
    this.#later = later
  }

  /** Resolves in a turn in which no other piece of this pace begins: a new piece begins. */
  async turn(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) this.#later(() => this.#go())
    })
  }

  /** The same once the piece has taken its time; undefined as long as it may go on. */
  turnOver(): Promise<void> | undefined {
    return this.#now() - this.#began < pieceMs ? undefined : this.turn()
  }

  #go(): void {
    const [next] = this.#waiting
    this.#began = this.#now()
    next?.()
    this.#waiting.shift()
    if (this.#waiting.length > 0) this.#later(() => this.#go())
  }
}
