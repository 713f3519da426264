import type { Figure } from '../../bench/contest/rounds.ts'

/** The figures of a bare server that a core is full of, but for what is said. */
export function figure(said: Partial<Figure>): Figure {
  return {
    ...{ question: 'passes', server: 'bare', aSecond: 12_728.4, cpuUs: 74.4, p50Ms: 3.52, p99Ms: 18.94 },
    ...{ rateShare: 1, cpuShare: 1, p99Share: 1, coreShare: 0.95, ...said },
  }
}
