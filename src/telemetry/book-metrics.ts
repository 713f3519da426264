import { Gauge, type Registry } from 'prom-client'

/** What is seen of the book of reservations that all doors share. */
export interface BookSources<S extends string> {
  /** Whether this door writes in it. */
  readonly anchor: S
  /** In how many other namespaces there are Leases of a guard; undefined if that cannot be found out. */
  readonly others: number | undefined
}

/**
 * Registers what is to be seen of the book.
 *
 * @param states all that `anchor` can be
 */
export function bookMetrics<S extends string>(
  registry: Registry,
  states: readonly S[],
  sources: BookSources<S>,
): void {
  const registers = [registry]
  new Gauge({
    name: 'holdfast_book_anchor',
    help: 'Whether this door keeps its Leases where the others do: 1 for its state. Arming changes are not admitted while it is elsewhere or unknown.',
    labelNames: ['state'],
    registers,
    collect() {
      for (const state of states) this.set({ state }, Number(sources.anchor === state))
    },
  })
  new Gauge({
    name: 'holdfast_other_books',
    help: 'Other namespaces with Leases of a guard; NaN if they cannot be looked for.',
    registers,
    collect() {
      this.set(sources.others ?? NaN)
    },
  })
}
