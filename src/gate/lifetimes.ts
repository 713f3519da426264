import type { Clock } from './ports.ts'
import { lastsMs, type Reservation } from './reservation.ts'
import type { Page, ReservationBook } from './reservation-book.ts'

/**
 * When reservations end by this process's own clock: as long as they last, counted from when this process first saw
 * them. That is never before they were made, so no two clocks are compared, and none has to be right.
 */
export class Lifetimes {
  readonly #book: Pick<ReservationBook, 'pages' | 'seen' | 'subscribe'>
  readonly #clock: Pick<Clock, 'monotonic' | 'now'>
  /** When each reservation of a page ends. */
  readonly #pages = new Map<string, Map<string, number>>()
  readonly #deafen: () => void

  /** Begins to look at every page that changes. */
  constructor(
    book: Pick<ReservationBook, 'pages' | 'seen' | 'subscribe'>,
    clock: Pick<Clock, 'monotonic' | 'now'>,
  ) {
    this.#book = book
    this.#clock = clock
    for (const page of book.pages()) this.note(page)
    this.#deafen = book.subscribe((key) => {
      const page = this.#book.seen(key)
      if (page) this.note(page)
    })
  }

  /** Sees a page. What is not on it is forgotten: should it come back, it counts from then, which is only more careful. */
  note({ key, reservations }: Page): void {
    if (reservations.length === 0) {
      this.#pages.delete(key)
      return
    }
    const before = this.#pages.get(key)
    this.#pages.set(
      key,
      new Map(reservations.map((each) => [idOf(each), before?.get(idOf(each)) ?? this.#endFromNow(each)])),
    )
  }

  /** When nothing of it can be committed any more, by {@link Clock.monotonic}. */
  endOf(key: string, reservation: Reservation): number {
    return this.#pages.get(key)?.get(idOf(reservation)) ?? this.#endFromNow(reservation)
  }

  /** True once nothing of it can be committed any more. */
  isOver(key: string, reservation: Reservation): boolean {
    return this.#clock.monotonic() > this.endOf(key, reservation)
  }

  /** Looks no longer. */
  stop(): void {
    this.#deafen()
  }

  #endFromNow(reservation: Reservation): number {
    return this.#clock.monotonic() + lastsMs(reservation, this.#clock.now())
  }
}

/** Processes of an older version may give one stamp twice. */
function idOf({ stamp, deadline, kind, name, intent }: Reservation): string {
  return `${stamp} ${deadline} ${intent} ${kind}/${name}`
}
