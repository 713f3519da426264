import type { Replica } from './replica.ts'
import { watched } from './store.ts'
import type { Step } from './step.ts'

/** The next possible deliveries to a replica: of each kind one object, and one entry. */
export function* deliverySteps(replica: Replica): Iterable<Step> {
  const common = { replica: replica.id, informs: true }
  for (const kind of watched) {
    if (replica.behind(kind) === 0) continue
    const take = (): void => void replica.deliver(kind)
    yield { ...common, what: `replica ${replica.id} hears of the next ${kind}`, take }
  }
  if (replica.book.behind > 0) {
    const take = (): void => replica.book.deliver()
    yield { ...common, what: `replica ${replica.id} hears of the next entry`, take }
  }
}
