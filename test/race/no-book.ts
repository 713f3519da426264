import type { ReservationBook } from '../../src/gate/reservation-book.ts'

/** Reservations switched off: a book that keeps nothing, at no cost. */
export const noBook: ReservationBook = {
  seen: (key) => ({ key, version: undefined, reservations: [] }),
  entries: () => [],
  read: (key) => Promise.resolve({ key, version: undefined, reservations: [] }),
  swap: (entry) => Promise.resolve(entry),
  markedSince: () => Infinity,
  subscribe: () => () => undefined,
}
