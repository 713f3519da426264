import type { Logger } from 'pino'
import type { HeldChange } from '../gate/held-change.ts'
import type { HoldEnd, HoldListener } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { heldAt } from './hold-record.ts'

/** Logs requests when their wait begins, with the causes, and when it ends, with the outcome. */
export class HoldLog implements HoldListener {
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'monotonic'>

  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>) {
    this.#log = log
    this.#clock = clock
  }

  began(held: HeldChange): void {
    const { leftMs, causes, moreCauses } = heldAt(held, this.#clock.monotonic())
    this.#log.info({ ...named(held), leftMs, causes, moreCauses }, 'change begins to wait')
  }

  ended(held: HeldChange, how: HoldEnd): void {
    const { waitedMs } = heldAt(held, this.#clock.monotonic())
    this.#log.info({ ...named(held), waitedMs, outcome: how }, 'change waits no longer')
  }
}

/** The same in both lines, so that one finds the other. */
function named({ request: { uid, user, door }, object: { kind, name }, doing }: HeldChange) {
  return { uid, door, user, object: { kind, name }, change: doing }
}
