import type { Clock } from '../../src/time/clock.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import type { Contents, Entry, ReservationBook } from '../../src/gate/reservation-book.ts'

/**
 * The book as an older version of Holdfast reads and writes it. It writes no marks, no `lastsMs`, and stamps of the form
 * `<replica>/<count>`; a reservation ends for it at the deadline, by its own time of day. It keeps unknown fields in the
 * reservations of others. Only the format is older, not the rules.
 */
export function olderBook(
  book: ReservationBook,
  { replica, process }: { readonly replica: string; readonly process: string },
  clock: Clock,
): ReservationBook {
  /** The reservations as read, by their form for the gate. */
  const originals = new WeakMap<Reservation, Reservation>()
  const own = `${replica}/`
  const current = `${replica}/${process}/`

  const shown = (each: Reservation): Reservation => {
    const isOwn = each.stamp.startsWith(own) && each.stamp.split('/').length === 2
    const stamp = isOwn ? current + each.stamp.slice(own.length) : each.stamp
    const show = { ...each, stamp, lastsMs: each.deadline - clock.now() }
    originals.set(show, each)
    return show
  }
  const written = (each: Reservation): Reservation => {
    const stamp = each.stamp.replace(current, own)
    return originals.get(each) ?? { ...each, stamp, lastsMs: undefined }
  }
  const show = ({ key, version, reservations }: Entry): Entry => ({
    key,
    version,
    reservations: reservations.map(shown),
  })
  return {
    ...book,
    seen: (key) => {
      const entry = book.seen(key)
      return entry && show(entry)
    },
    entries: () => [...book.entries()].map(show),
    read: async (key, signal) => show(await book.read(key, signal)),
    swap: async (entry, { reservations }: Contents, signal) => {
      const swapped = await book.swap(entry, { reservations: reservations.map(written) }, signal)
      return swapped && show(swapped)
    },
  }
}
