import type { Reservation } from './reservation.ts'
import type { Entry } from './reserve.ts'

/** So many are remembered. An earlier one may be put back, which is only careful. */
export const mostReleased = 256

/**
 * The reservations that this process took back lately, of changes that were not passed on. Another review of the same
 * object and intent may have displaced one, and must not put it back.
 */
export class Released {
  /** By stamp, what each had displaced itself: that may still be on its way. */
  readonly #displaced = new Map<string, Reservation | undefined>()

  add(entries: readonly Pick<Entry, 'made' | 'displaced'>[]): void {
    for (const { made, displaced } of entries) this.#displaced.set(made.stamp, displaced)
    if (this.#displaced.size <= mostReleased) return
    for (const stamp of [...this.#displaced.keys()].slice(0, -mostReleased)) this.#displaced.delete(stamp)
  }

  /** The one to put back in place of this; undefined if none is. */
  standing(displaced: Reservation | undefined): Reservation | undefined {
    let each = displaced
    while (each && this.#displaced.has(each.stamp)) each = this.#displaced.get(each.stamp)
    return each
  }
}
