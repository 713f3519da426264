import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import { escapedText } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import { holdRecordOf } from './hold-record.ts'

/** The parts that a stream needs. */
interface HoldStreamModules {
  readonly replica: string
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** The changes that wait now. */
  readonly holds: () => readonly HeldChange[]
}

/** Sends subscribers a line of JSON for each wait that begins or ends. It stores none. */
export class HoldStream implements HoldListener {
  readonly #modules: HoldStreamModules
  readonly #listeners = new Set<(line: string) => void>()

  constructor(modules: HoldStreamModules) {
    this.#modules = modules
  }

  began(held: HeldChange): void {
    this.#send(held, undefined)
  }

  ended(held: HeldChange, how: HoldEnd): void {
    this.#send(held, how)
  }

  /** A line for each change that waits now, as if its wait had just begun. */
  lines(): readonly string[] {
    return this.#modules.holds().map((held) => this.#lineOf(held, undefined))
  }

  /** Calls the listener with each new one; the function it returns ends that. */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #send(held: HeldChange, how: HoldEnd | undefined): void {
    if (this.#listeners.size === 0) return
    const line = this.#lineOf(held, how)
    for (const listener of this.#listeners) listener(line)
  }

  #lineOf(held: HeldChange, how: HoldEnd | undefined): string {
    const { replica, clock } = this.#modules
    const record = holdRecordOf(held, how, { replica, timeOfDay: clock.now(), now: clock.monotonic() })
    return `${escapedText(JSON.stringify(record))}\n`
  }
}
