import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** So much the heap may differ from one moment to another without a leak, in MiB: what is compiled, and what is cached once. */
const noiseMiB = 10

/** How large the heap is after a collection, in MiB. */
export function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  collect()
  return process.memoryUsage().heapUsed / 2 ** 20
}

/**
 * The growth of the heap over a campaign, in words; undefined if it stays stable. The first quarter does not count, since
 * caches fill then. The least size of the second is compared with the least of the last.
 *
 * @param sizes in MiB, after collections, in order
 */
export function growthIn(sizes: readonly number[]): string | undefined {
  const quarter = Math.floor(sizes.length / 4)
  if (quarter === 0) return undefined
  const early = Math.min(...sizes.slice(quarter, 2 * quarter))
  const late = Math.min(...sizes.slice(-quarter))
  if (late - early <= noiseMiB) return undefined
  return `the heap grows from ${early.toFixed(1)} to ${late.toFixed(1)} MiB`
}
