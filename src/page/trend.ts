import { type Static, Type } from 'typebox'
import type { DecisionListener } from '../gate/ports.ts'
import { decisionFor, type Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'
import type { Policy } from '../rules/policy.ts'
import type { Clock } from '../time/clock.ts'

const Count = Type.Integer({ minimum: 0 })

const PointSchema = Type.Object({
  pending: Type.Integer({ minimum: 0, description: 'The most clean-ups that were pending at a time.' }),
  holds: Type.Integer({ minimum: 0, description: 'The most changes that were held at a time.' }),
  allowed: Count,
  held: Type.Integer({ minimum: 0, description: 'Requests that have to retry, or could not be judged.' }),
  denied: Count,
})

/** JSON Schema of `GET /api/v1/trend`, and of the event `trend`. */
export const TrendSchema = Type.Object(
  {
    apiVersion: Type.Literal('holdfast.dev/v1'),
    kind: Type.Literal('Trend'),
    stepMs: Type.Number({ description: 'How long each step is.' }),
    points: Type.Array(PointSchema, { description: 'One a step, the oldest first; the last hour at most.' }),
  },
  { $id: 'holdfast.dev/v1/Trend', title: 'The last hour in steps' },
)

/** The last hour in steps. */
export type Trend = Static<typeof TrendSchema>

/** One step of it. */
export type TrendPoint = Static<typeof PointSchema>

/** The length of a step, in milliseconds. */
export const stepMs = 10_000

/** A sample comes so often, in milliseconds. A shorter hold can be missed. */
const sampleMs = 1_000

/** The steps of an hour. */
const mostPoints = 360

const nothing: TrendPoint = { pending: 0, holds: 0, allowed: 0, held: 0, denied: 0 }

/** Gives the present, several times in a step. */
type Sample = () => Pick<TrendPoint, 'pending' | 'holds'>

/** Counts decisions and samples the present, in steps of which it keeps 360. It does not count writes that raise no danger. */
export class TrendRing implements DecisionListener {
  readonly scope = 'what-matters'
  readonly #sample: Sample
  readonly #clock: Clock
  readonly #policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
  readonly #listeners = new Set<() => void>()
  readonly #points: TrendPoint[] = []
  #counts = { allowed: 0, held: 0, denied: 0 }
  #peaks = { pending: 0, holds: 0 }
  #samples = 0
  #cancel: () => void

  /** @param policy which accounts must not wait: they get a hold as a denial */
  constructor(sample: Sample, clock: Clock, policy: Pick<Policy, 'longhornNamespace' | 'impatient'>) {
    this.#policy = policy
    this.#sample = sample
    this.#clock = clock
    this.#cancel = this.#clock.setTimer(sampleMs, () => this.#take())
  }

  /** The last hour. */
  trend(): Trend {
    return trendOf(this.#points)
  }

  decided(change: Pick<Change, 'request'>, verdict: Pick<Verdict, 'decision'>): void {
    this.count(decisionFor(change, verdict, this.#policy))
  }

  /** Counts a decision that was made elsewhere. */
  count(decision: Verdict['decision'], times = 1): void {
    switch (decision) {
      case 'allow':
        this.#counts.allowed += times
        break
      case 'hold':
      case 'unavailable':
        this.#counts.held += times
        break
      case 'refuse':
        this.#counts.denied += times
    }
  }

  /** Calls the listener after each step. @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  stop(): void {
    this.#cancel()
  }

  #take(): void {
    this.#cancel = this.#clock.setTimer(sampleMs, () => this.#take())
    const { pending, holds } = this.#sample()
    this.#peaks = {
      pending: Math.max(this.#peaks.pending, pending),
      holds: Math.max(this.#peaks.holds, holds),
    }
    this.#samples += 1
    if (this.#samples * sampleMs >= stepMs) this.#step()
  }

  #step(): void {
    this.#points.push({ ...this.#peaks, ...this.#counts })
    if (this.#points.length > mostPoints) this.#points.shift()
    this.#counts = { allowed: 0, held: 0, denied: 0 }
    this.#peaks = { pending: 0, holds: 0 }
    this.#samples = 0
    for (const listener of [...this.#listeners]) listener()
  }
}

/**
 * The trends of several replicas as one, step by step from the end: their steps do not begin at the same moment. Each replica
 * counts its own decisions, and sees all clean-ups.
 */
export function joined(trends: readonly Trend[]): Trend {
  const length = Math.max(0, ...trends.map(({ points }) => points.length))
  return trendOf(
    Array.from({ length }, (_, at) =>
      trends
        .map(({ points }) => points[points.length - length + at] ?? nothing)
        .reduce((sum, point) => ({
          pending: Math.max(sum.pending, point.pending),
          holds: sum.holds + point.holds,
          allowed: sum.allowed + point.allowed,
          held: sum.held + point.held,
          denied: sum.denied + point.denied,
        })),
    ),
  )
}

function trendOf(points: readonly TrendPoint[]): Trend {
  return { apiVersion: 'holdfast.dev/v1', kind: 'Trend', stepMs, points: [...points] }
}
