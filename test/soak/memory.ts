/** Between two looks at a process. */
export const sampleMs = 30_000
/** After two minutes the code is compiled, and what is remembered for a time is as much as it gets. */
const warmUp = 4
/** Fewer say nothing about a trend. */
const fewest = 3
/** A guard stands still now and then, and gives no answer. It has to give this share of them. */
const fewestAnswers = 0.5
/**
 * How much more a guard may keep at the end, in MiB. The latest records (4) and the texts of repeated reviews (2) fill up to
 * their limits, and so do series of metrics. Five minutes show a leak of 70 KiB a second, an hour one of 4.
 */
const liveSlackMiB = 8
/**
 * How much more may be resident at the end, in MiB. The heap grows before V8 collects it, and malloc keeps some of what is
 * freed. Neither is a leak. An hour shows a leak outside the heap of 1.6 MiB a minute.
 */
const residentSlackMiB = 64

/** What a process took at one moment, in MiB. */
export interface Look {
  readonly resident: number
  /** What was left on its heap and in buffers after all garbage was collected; undefined if it did not answer. */
  readonly live: number | undefined
}

/** What a process took at even intervals. */
export interface Course {
  readonly name: string
  readonly looks: readonly Look[]
}

/** The medians of the first and of the last third, after a warm-up, in MiB. */
interface Trend {
  readonly first: number
  readonly last: number
}

/** The trends of a process; undefined for one that lived too short. */
export function trendsOf({ looks }: Course): Readonly<Record<keyof Look, Trend | undefined>> {
  const warm = looks.slice(warmUp)
  return {
    resident: trendOf(warm.map(({ resident }) => resident)),
    live: trendOf(warm.flatMap(({ live }) => live ?? [])),
  }
}

/**
 * Judges whether a guard keeps what it keeps, and stays within its container.
 *
 * @param limitMiB of the container
 * @returns what is not as promised, a sentence each
 */
export function judgeMemory(course: Course, limitMiB: number): string[] {
  const { name, looks } = course
  const { resident, live } = trendsOf(course)
  const warm = looks.slice(warmUp)
  const answers = warm.filter((look) => look.live !== undefined).length
  const most = Math.max(...looks.map((look) => look.resident))
  return [
    ...(most > limitMiB ? [`${name} takes ${mib(most)} of the ${mib(limitMiB)} of its container`] : []),
    ...(live && live.last > live.first + liveSlackMiB
      ? [`what ${name} keeps grows from ${mib(live.first)} to ${mib(live.last)}`]
      : []),
    ...(resident && resident.last > resident.first + residentSlackMiB
      ? [`the resident memory of ${name} grows from ${mib(resident.first)} to ${mib(resident.last)}`]
      : []),
    ...(resident && answers < fewestAnswers * warm.length ? [`${name} does not tell what it keeps`] : []),
  ]
}

/** As people read it. */
export function mib(value: number): string {
  return `${value.toFixed(0)} MiB`
}

function trendOf(values: readonly number[]): Trend | undefined {
  if (values.length < fewest) return undefined
  const third = Math.floor(values.length / 3)
  return { first: median(values.slice(0, third)), last: median(values.slice(-third)) }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
