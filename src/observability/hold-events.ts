import type { HeldChange } from '../gate/held-change.ts'
import type { EventSink, HoldEnd, HoldListener } from '../gate/ports.ts'
import type { JudgedKind } from '../rules/change.ts'
import { headlineOf } from '../rules/layout.ts'
import { lasting } from '../rules/sentences.ts'
import { cut, plainLine } from '../text/plain-text.ts'
import type { Clock } from '../time/clock.ts'

/** The longest message that the API server takes, in UTF-16 units. */
const longestMessage = 1_024

/**
 * Records an Event at the object when a request begins to wait, and when its wait ends: `kubectl describe` shows them while
 * kubectl itself is silent. The recorder bounds their number.
 */
export class HoldEvents implements HoldListener {
  readonly #sink: EventSink
  readonly #uidOf: (kind: JudgedKind, name: string) => string | undefined
  readonly #clock: Pick<Clock, 'monotonic'>

  /** @param uidOf an object that is stored; undefined if there is none of this name */
  constructor(
    sink: EventSink,
    uidOf: (kind: JudgedKind, name: string) => string | undefined,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.#sink = sink
    this.#uidOf = uidOf
    this.#clock = clock
  }

  began(held: HeldChange): void {
    const { doing, causes, moreCauses, until } = held
    const [cause] = causes
    const found = cause?.found ?? 'another change is under way'
    const more = moreCauses + causes.length - 1
    const left = lasting(until - this.#clock.monotonic())
    const rule = cause ? ` (rule ${cause.rule})` : ''
    this.#record(
      held,
      'RequestWaits',
      `${headlineOf({ doing, effect: 'hold', found })}${more > 0 ? ` and ${more} more` : ''}${by(held)}. Holdfast answers within ${left}. If the request still has to wait then, ${retrying(held)}.${rule}`,
    )
  }

  ended(held: HeldChange, how: HoldEnd): void {
    const waited = lasting(this.#clock.monotonic() - held.since)
    this.#record(held, 'RequestWaited', `${held.doing} waited ${waited}${by(held)}. ${ends[how]}`, 'Normal')
  }

  #record(held: HeldChange, reason: string, message: string, type?: 'Normal'): void {
    const { object, operation, request } = held
    // A review can be forged, so a stored object gets only Events with its own uid.
    if (operation !== 'CREATE' && this.#uidOf(object.kind, object.name) !== object.uid) return
    this.#sink.record({
      ...object,
      reason,
      message: cut(plainLine(message), longestMessage),
      // Apart from that of denials: a user with many requests that wait still sees each one that is denied.
      share: `${request.user} (waits)`,
      ...(type && { type }),
    })
  }
}

/** Longhorn's UI sends a click once. */
function retrying({ request: { user, door } }: HeldChange): string {
  return door === 'proxy-longhorn' ? `${user} has to try again` : 'kubectl retries'
}

function by({ request: { user, door } }: HeldChange): string {
  return ` (asked by ${user}, ${door})`
}

const ends: Readonly<Record<HoldEnd, string>> = {
  admitted: 'It was admitted.',
  denied: 'It was denied.',
  'not judged': 'It could not be judged.',
  'told to retry': 'It has to retry.',
  gone: 'It had to retry, and its client has not come back.',
  left: 'Its client left before the answer.',
}
