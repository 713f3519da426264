/** Between two looks at a process. */
export const sampleMs = 30_000
/** After two minutes the code is compiled, and the heap as large as the work wants it. */
const warmUp = 4
/** Fewer say nothing about a trend. */
const fewest = 5
/** A heap that is collected now and then rises and falls by so much, in MiB; on a larger one by a share of it. */
const slackMiB = 20
const slackShare = 0.15

/** What a process took in memory at even intervals, in MiB. */
export interface Course {
  readonly name: string
  readonly mib: readonly number[]
}

/** The medians of the first and of the last third, after a warm-up. */
export interface Trend {
  readonly first: number
  readonly last: number
  /** The last third is at most 15 % or 20 MiB above the first, whichever is more. */
  readonly isFlat: boolean
}

/**
 * Judges whether memory stays where it is, once the process is warm.
 *
 * @returns undefined for too few samples
 */
export function trendOf(mib: readonly number[]): Trend | undefined {
  const warm = mib.slice(warmUp)
  if (warm.length < fewest) return undefined
  const third = Math.floor(warm.length / 3)
  const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))]
  return { first, last, isFlat: last <= first + Math.max(slackMiB, first * slackShare) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
