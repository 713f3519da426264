import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import { escapedText } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'
import { holdRecordOf } from './hold-record.ts'

/** What a stream tells from. */
interface HoldStreamModules {
  readonly replica: string
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** What waits now. */
  readonly holds: () => readonly HeldChange[]
}

/** Tells whoever follows which requests wait, and which begin and end to: a line of JSON each. It remembers none. */
export class HoldStream implements HoldListener {
  readonly #modules: HoldStreamModules
  readonly #listeners = new Set<(line: string) => void>()

  constructor(modules: HoldStreamModules) {
    this.#modules = modules
  }

  began(held: HeldChange): void {
    this.#tell(held, undefined)
  }

  ended(held: HeldChange, how: HoldEnd): void {
    this.#tell(held, how)
  }

  /** What waits now, as if it had just begun to. */
  lines(): readonly string[] {
    return this.#modules.holds().map((held) => this.#lineOf(held, undefined))
  }

  /** Calls the listener with each new one; the function it returns ends that. */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(held: HeldChange, how: HoldEnd | undefined): void {
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
