import { certificateFor } from '../test/fixtures/certificates.ts'
import { startCluster } from './cluster.ts'
import { Contender, type Measured, pin } from './contender.ts'
import { type Question, ReviewRequest } from './reviews.ts'
import type { ServerName } from './server-process.ts'

const serverCore = 0
const loadCore = 1
const connections = 50

/** Short turns, one after the other: a neighbour that takes the machine for a second takes it from all. */
const turnMs = 300
const warmUpMs = 1_000
const warmUpAnswers = 40_000

/** The results of a server for one question. */
export interface Result {
  readonly name: ServerName
  readonly question: Question
  readonly aSecond: number
  /** CPU of the server for one answer, in microseconds. */
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** The rate and the CPU as shares of the bare server's in the same round, the median of all rounds. */
  readonly rateShare: number
  readonly cpuShare: number
}

/** Compares the servers. @param rounds of one turn each for every server and question */
export async function measureReviews(rounds: number): Promise<Result[]> {
  await pin(process.pid, loadCore)
  const cluster = await startCluster()
  const tls = await certificateFor('localhost')
  const contenders: Contender[] = []
  try {
    for (const name of ['bare', 'fastify', 'holdfast'] as const)
      contenders.push(
        await Contender.start({ name, tls, api: cluster.api }, { core: serverCore, connections }),
      )
    const results: Result[] = []
    for (const question of ['passes', 'denied'] as const) {
      const request = new ReviewRequest(question, cluster.asked, 'localhost')
      for (const each of contenders) await warmUp(each, request)
      const turns = new Map(contenders.map(({ name }) => [name, [] as Measured[]]))
      for (let round = 0; round < rounds; round += 1)
        for (const each of contenders) turns.get(each.name)?.push(await each.turn(request, turnMs))
      const bare = turns.get('bare') ?? []
      for (const [name, measured] of turns) results.push(resultOf(name, question, measured, bare))
    }
    return results
  } finally {
    for (const each of contenders) each.stop()
    await cluster.stop()
  }
}

/** Before that a third of the CPU that a server takes is compiling (measured with perf on Node 24). */
async function warmUp(each: Contender, request: ReviewRequest): Promise<void> {
  for (let answers = 0; answers < warmUpAnswers;) answers += (await each.turn(request, warmUpMs)).answers
}

function resultOf(
  name: ServerName,
  question: Question,
  turns: readonly Measured[],
  bare: readonly Measured[],
): Result {
  const took = turns.flatMap(({ tookMs }) => tookMs).toSorted((a, b) => a - b)
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? NaN
  const rate = ({ answers, seconds }: Measured): number => answers / seconds
  const cpu = ({ answers, cpuMs }: Measured): number => (cpuMs * 1_000) / answers
  const share = (of: (turn: Measured) => number): number =>
    median(turns.map((turn, index) => of(turn) / of(bare[index] ?? turn)))
  return {
    ...{ name, question, aSecond: median(turns.map(rate)), cpuUs: median(turns.map(cpu)) },
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), rateShare: share(rate), cpuShare: share(cpu) },
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN
}
