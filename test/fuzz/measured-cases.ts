import type { Surprises } from './surprises.ts'
import { lateMs, silentMs, Violation } from './violation.ts'

/** The fuzzed part. */
export type Part = 'reviews' | 'proxies'

/** Runs and measures one case, which returns the bytes that it sent. @throws Violation */
export type Measured = (one: () => Promise<Buffer>) => Promise<void>

/** How many cases of each part have no limit of time: code is loaded and compiled at its first use. */
const firstCases = 25
/** How many this process has had. */
const had: Record<Part, number> = { reviews: 0, proxies: 0 }

/** Measures one case after the other by the time of the processor, which no other program on the machine can use up. */
export class MeasuredCases {
  readonly counts: Record<Part, number> = { reviews: 0, proxies: 0 }
  /** The most time of the processor that one took, in milliseconds, and its number. */
  slowest = { cpuMs: 0, number: 0 }
  readonly #surprises: Surprises
  readonly #mostMs: number
  #part: Part = 'reviews'
  #number = 0
  #before = 0

  constructor(surprises: Surprises, mostMs = lateMs) {
    this.#surprises = surprises
    this.#mostMs = mostMs
  }

  /** The number of the case that comes next, or has failed. */
  get number(): number {
    return this.#number
  }

  /** From here on come cases of this part, and the first has this number. */
  begin(part: Part, number: number): void {
    this.#part = part
    this.#number = number
    this.#before = cpuMsSoFar()
  }

  readonly measure: Measured = async (one) => {
    const input = await inTime(one())
    // Asked once for each case, since that is slow on some machines: what is done between two of them counts too.
    const now = cpuMsSoFar()
    const cpuMs = now - this.#before
    this.#before = now
    had[this.#part] += 1
    if (had[this.#part] > firstCases) this.#hold(cpuMs, input)
    const [surprise] = this.#surprises.happened.splice(0)
    if (surprise !== undefined) throw new Violation(surprise, input)
    this.counts[this.#part] += 1
    this.#number += 1
  }

  #hold(cpuMs: number, input: Buffer): void {
    if (cpuMs > this.slowest.cpuMs) this.slowest = { cpuMs, number: this.#number }
    if (cpuMs > this.#mostMs) throw new Violation(`it took ${Math.round(cpuMs)} ms of the processor`, input)
  }
}

function cpuMsSoFar(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** A case that never ends is a violation too. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const never = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Violation('it never comes to an end', '')), 2 * silentMs)
  })
  return await Promise.race([work, never]).finally(() => clearTimeout(timer))
}
