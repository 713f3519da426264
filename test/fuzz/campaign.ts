import { growthIn, heapAfterCollection } from './heap.ts'
import type { JudgedOptions } from './judged-cluster.ts'
import { MeasuredCases, type Part } from './measured-cases.ts'
import { Proxies } from './proxies.ts'
import { Random } from './random.ts'
import { Reviews } from './reviews.ts'
import { Surprises } from './surprises.ts'
import { Violation } from './violation.ts'

/** The number of cases that share a cluster. */
export const batchSize = 50

/** Usually one batch in so many is for the proxies: their requests take twice as long. */
export const proxiesEvery = 10

/** Which cases are tried, and how. */
export interface CampaignOptions extends JudgedOptions {
  readonly seed: number
  /** The first batch, and how many from there on. */
  readonly first: number
  readonly batches: number
  /** One batch in so many is for the proxies, all others are for the webhook; 0: none. */
  readonly proxiesEvery: number
  /** The most time of the processor that a case may take, in milliseconds, if not the usual. */
  readonly mostMs?: number
  /** True: the first violation ends it. */
  readonly untilBroken?: boolean
}

/** The results of a campaign. */
export interface Campaign {
  readonly cases: Readonly<Record<Part, number>>
  /** The most time of the processor that one took, in milliseconds, and the number of that case. */
  readonly slowest: { readonly cpuMs: number; readonly number: number }
  /** Sizes of the heap after collections, in MiB. */
  readonly heap: readonly number[]
  readonly violations: readonly Violation[]
}

/** So often the heap is measured over a campaign. */
const heapMeasures = 40
/** Fewer batches than this tell nothing of the heap. */
const countedBatches = 200
/** One is as good as many, and the others may be the same. */
const mostViolations = 5

/** Runs batch after batch, in order, the same for a seed. */
export async function campaign(options: CampaignOptions): Promise<Campaign> {
  const { seed, first, batches, untilBroken = false } = options
  const surprises = new Surprises()
  const cases = new MeasuredCases(surprises, options.mostMs)
  const parts = {
    reviews: await Reviews.create(surprises, options),
    proxies: new Proxies(surprises, options),
  }
  const violations: Violation[] = []
  const heap: number[] = []
  const heapEvery = Math.ceil(batches / heapMeasures)
  const enough = untilBroken ? 1 : mostViolations
  for (let batch = first; batch < first + batches && violations.length < enough; batch += 1) {
    const part = options.proxiesEvery > 0 && batch % options.proxiesEvery === 0 ? 'proxies' : 'reviews'
    cases.begin(part, batch * batchSize)
    try {
      await parts[part].batch(new Random(seed, batch), cases.measure, batchSize)
    } catch (error) {
      violations.push(violationOf(error, cases.number))
    }
    if (batches >= countedBatches && batch % heapEvery === 0) heap.push(heapAfterCollection())
  }
  await parts.reviews.stop()
  const growth = growthIn(heap)
  if (growth !== undefined) violations.push(new Violation(growth, ''))
  return { cases: cases.counts, slowest: cases.slowest, heap, violations }
}

/** Any other error is a violation too: nothing else may go wrong here. */
function violationOf(error: unknown, number: number): Violation {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const violation = error instanceof Violation ? error : new Violation(why, '')
  violation.number = number
  return violation
}
