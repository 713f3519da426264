import type { Latencies } from './latencies.ts'

/** The figures of one cluster, by what they are of. */
export class Figures {
  readonly #values = new Map<string, number | undefined>()

  put(what: string, value: number | undefined): void {
    this.#values.set(what, value)
  }

  /** Of many rounds: the guard's share, and its CPU. */
  putAll(rounds: readonly Latencies[]): void {
    const [first] = rounds
    if (!first) return
    const { what } = first
    const shares = sorted(rounds.flatMap((round) => round.shares))
    if (shares.length > 0) {
      this.put(`${what}: the guard's share, p50 (ms)`, at(shares, 0.5))
      this.put(`${what}: p99 (ms)`, at(shares, 0.99))
      this.put(`${what}: CPU of the guard (ms)`, at(sorted(rounds.flatMap(({ cpu }) => cpu)), 0.5))
    }
    const wholes = sorted(rounds.flatMap((round) => round.wholes))
    const asked = shares.length > 0 ? '' : ', the guard is not asked'
    if (wholes.length > 0) this.put(`${what}: the whole write, p50 (ms)${asked}`, at(wholes, 0.5))
  }

  /** A table of both, with the ratio. */
  static table(small: Figures, large: Figures, names: readonly [string, string]): string[] {
    return [
      `| | ${names.join(' | ')} | ratio |`,
      '| --- | --- | --- | --- |',
      ...[...new Set([...small.#values.keys(), ...large.#values.keys()])].map((what) => {
        const [one, other] = [small.#values.get(what), large.#values.get(what)]
        const ratio = one === undefined || other === undefined || one === 0 ? '' : (other / one).toFixed(2)
        return `| ${what} | ${shown(one)} | ${shown(other)} | ${ratio} |`
      }),
    ]
  }
}

function sorted(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b)
}

function at(values: readonly number[], share: number): number | undefined {
  return values[Math.ceil(values.length * share) - 1]
}

function shown(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(value < 10 ? 2 : 0)
}
