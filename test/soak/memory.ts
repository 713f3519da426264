import { readFile } from 'node:fs/promises'

/** A run has to be this long for its memory to be judged. */
const fewest = 6
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
 * Judges whether memory stays where it is. The first fifth counts as warm-up: the code is compiled, the caches fill.
 *
 * @returns undefined for too few samples
 */
export function trendOf(mib: readonly number[]): Trend | undefined {
  const warm = mib.slice(Math.ceil(mib.length / 5))
  if (warm.length < fewest) return undefined
  const third = Math.floor(warm.length / 3)
  const [first, last] = [median(warm.slice(0, third)), median(warm.slice(-third))]
  return { first, last, isFlat: last <= first + Math.max(slackMiB, first * slackShare) }
}

/** The resident memory of a process now, in MiB; undefined once it has ended. */
export async function residentMiB(pid: number): Promise<number | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const kib = /VmRSS:\s+(\d+) kB/.exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) / 1_024
  } catch {
    return undefined
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
