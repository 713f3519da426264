import type { Contents, Page } from '../../src/gate/reservation-book.ts'

/** A page with the number of its change: pages come and go, and their changes have an order all the same. */
export interface NumberedPage {
  readonly change: number
  readonly page: Page
}

/** The Leases of one namespace, with every change, so that a watch can bring it later. */
export class LeaseStore {
  readonly #pages = new Map<string, NumberedPage>()
  readonly #events: NumberedPage[] = []

  /** Every change, the oldest first. */
  get events(): readonly NumberedPage[] {
    return this.#events
  }

  pages(): Iterable<NumberedPage> {
    return this.#pages.values()
  }

  page(key: string): NumberedPage {
    return this.#pages.get(key) ?? emptyPage(key)
  }

  /** The compare-and-swap of a Lease. */
  swap({ key, version: from }: Page, { reservations, settled }: Contents): NumberedPage | undefined {
    const { page, change } = this.page(key)
    if (page.version !== from) return undefined
    const empty = reservations.length === 0 && !settled
    const version = empty ? undefined : String(change + 1)
    const next: Page = { key, version, reservations: [...reservations], ...(settled && { settled }) }
    const numbered = { change: change + 1, page: next }
    this.#pages.set(key, numbered)
    this.#events.push(numbered)
    return numbered
  }
}

/** A page that was never written. */
export function emptyPage(key: string): NumberedPage {
  return { change: 0, page: { key, version: undefined, reservations: [] } }
}
