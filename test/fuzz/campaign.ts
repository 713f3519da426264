import { growthIn, heapAfterCollection } from './heap.ts'
import type { JudgedOptions } from './judged-cluster.ts'
import { Proxies } from './proxies.ts'
import { Random } from './random.ts'
import { Reviews } from './reviews.ts'
import { Surprises } from './surprises.ts'
import { lateMs, silentMs, Violation } from './violation.ts'

/** What is fuzzed. */
export type Part = 'reviews' | 'proxies'

/** So many cases share a cluster. */
export const batchSize = 50

/** Which cases are tried, and how. */
export interface CampaignOptions extends JudgedOptions {
  readonly seed: number
  /** The first batch, and how many from there on. */
  readonly first: number
  readonly batches: number
  /** The first of so many batches is for the proxies, all others are for the webhook; 0: none. */
  readonly proxiesEvery: number
  /** True: each case may take no time at all. For the test of this very law. */
  readonly hasty?: boolean
  /** True: the first violation ends it. */
  readonly untilBroken?: boolean
  /** Called after each batch with the number of cases so far. */
  readonly told?: (cases: number) => void
}

/** What came of a campaign. */
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
const tellingBatches = 200
/** One is as good as many, and the others may be the same. */
const mostViolations = 5

/** Runs batch after batch, in order, the same for a seed. */
export async function campaign(options: CampaignOptions): Promise<Campaign> {
  const { seed, first, batches, proxiesEvery, hasty = false, untilBroken = false, told } = options
  const surprises = new Surprises()
  const reviews = await Reviews.create(surprises, options)
  const proxies = new Proxies(surprises, options)
  const cases = { reviews: 0, proxies: 0 }
  const violations: Violation[] = []
  const heap: number[] = []
  let slowest = { cpuMs: 0, number: 0 }
  const every = Math.ceil(batches / heapMeasures)
  for (let batch = first; batch < first + batches && violations.length < (untilBroken ? 1 : mostViolations); batch += 1) {
    const part: Part = proxiesEvery > 0 && batch % proxiesEvery === 0 ? 'proxies' : 'reviews'
    const random = new Random(seed, batch)
    let number = batch * batchSize
    // Asked once for each case, since that is slow on some machines: what is done between two of them counts too.
    let before = cpuMsSoFar()
    const measured = async (one: () => Promise<Buffer>): Promise<void> => {
      const input = await inTime(one())
      const now = cpuMsSoFar()
      const cpuMs = now - before
      before = now
      if (cpuMs > slowest.cpuMs) slowest = { cpuMs, number }
      if (cpuMs > (hasty ? 0 : lateMs)) throw new Violation(`it took ${Math.round(cpuMs)} ms of the processor`, input)
      const [surprise] = surprises.happened.splice(0)
      if (surprise !== undefined) throw new Violation(surprise, input)
      cases[part] += 1
      number += 1
    }
    try {
      await (part === 'proxies' ? proxies : reviews).batch(random, measured, batchSize)
    } catch (error) {
      const violation = error instanceof Violation ? error : new Violation(stackOf(error), '')
      violation.number = number
      violations.push(violation)
    }
    if (batches >= tellingBatches && batch % every === 0) heap.push(heapAfterCollection())
    told?.(cases.reviews + cases.proxies)
  }
  await reviews.stop()
  const growth = growthIn(heap)
  if (growth !== undefined) violations.push(new Violation(growth, ''))
  return { cases, slowest, heap, violations }
}

function cpuMsSoFar(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** What never comes to an end is a violation too. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Violation('it never comes to an end', '')), 2 * silentMs)
  })
  return await Promise.race([work, never]).finally(() => clearTimeout(timer))
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
