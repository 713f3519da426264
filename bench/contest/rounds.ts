import { type Contender, loadCore, type Measured, pin } from './contender.ts'
import type { Request } from './load.ts'

/** Short turns, one after the other: a neighbour that takes the machine for a second takes it from all. */
const turnMs = 300
const warmUpTurnMs = 500

/** How much to measure. */
export interface Effort {
  /** False for Holdfast and the bare server alone. */
  readonly ofAll: boolean
  /** False for reviews alone. */
  readonly ofProxies: boolean
  /** Of one turn each for every server. */
  readonly rounds: number
  /** How many answers each server gives before, and how long that may take. */
  readonly warmUpAnswers: number
  readonly warmUpMs: number
}

/** The figures of a server for one question. */
export interface Figure {
  readonly question: string
  readonly server: string
  readonly aSecond: number
  /** CPU of the server for one answer, in microseconds. */
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Rate, CPU and p99 as shares of the bare server's in the same round, the median of all rounds. */
  readonly rateShare: number
  readonly cpuShare: number
  readonly p99Share: number
  /** How much of its core the server used. Less than all of it means that the load was too slow for it. */
  readonly coreShare: number
}

/**
 * Compares the servers in turns. The first is the bare one, and each round begins with another.
 *
 * @param requestTo the request to a server
 */
export async function compare(
  question: string,
  requestTo: (server: string) => Request,
  contenders: readonly Contender[],
  effort: Effort,
): Promise<Figure[]> {
  // Not before, since what is built for the servers may have all cores.
  await pin(process.pid, loadCore)
  for (const each of contenders) await warmUp(each, requestTo(each.name), effort)
  const turns = contenders.map(() => [] as Measured[])
  for (let round = 0; round < effort.rounds; round += 1)
    for (let place = 0; place < contenders.length; place += 1) {
      const at = (round + place) % contenders.length
      const each = contenders[at]
      if (each) turns[at]?.push(await each.turn(requestTo(each.name), turnMs))
    }
  const [bare = []] = turns
  return contenders.map(({ name }, at) => ({ question, server: name, ...figuresOf(turns[at] ?? [], bare) }))
}

/** Lets a server answer until its code is compiled. */
export async function warmUp(each: Contender, request: Request, effort: Effort): Promise<void> {
  const end = performance.now() + effort.warmUpMs
  for (let answers = 0; answers < effort.warmUpAnswers && performance.now() < end;)
    answers += (await each.turn(request, warmUpTurnMs)).answers
}

/** The figures of a server's turns. @param bare the turns of the bare server in the same rounds */
export function figuresOf(
  turns: readonly Measured[],
  bare: readonly Measured[],
): Omit<Figure, 'question' | 'server'> {
  const took = turns.flatMap(({ tookMs }) => tookMs)
  const rate = ({ answers, seconds }: Measured): number => answers / seconds
  const cpu = ({ answers, cpuMs }: Measured): number => (cpuMs * 1_000) / answers
  const share = (take: (turn: Measured) => number): number =>
    median(turns.map((turn, index) => take(turn) / take(bare[index] ?? turn)))
  return {
    ...{ aSecond: median(turns.map(rate)), cpuUs: median(turns.map(cpu)) },
    ...{ p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99) },
    ...{
      rateShare: share(rate),
      cpuShare: share(cpu),
      p99Share: share(({ tookMs }) => quantile(tookMs, 0.99)),
    },
    coreShare: median(turns.map(({ cpuMs, seconds }) => cpuMs / (seconds * 1_000))),
  }
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}
