import type { Figure } from '../contest/rounds.ts'
import { questionWords } from './words.ts'

/** Half of what was reached. Noise does not go that far. */
const half = 0.5

/** A question that Holdfast answers too slowly. */
interface Slow {
  readonly question: string
  /** What is too slow, with both figures. */
  readonly found: string
}

/**
 * The questions for which Holdfast reaches less than half of its recorded share of the bare rate. Where the bare server
 * itself gets less than half of a core, others use the machine, and rates say little: there the CPU counts.
 */
export function slowOnes(measured: readonly Figure[], recorded: readonly Figure[]): Slow[] {
  return recorded.filter(isOurs).flatMap(({ question, rateShare, cpuShare }) => {
    const asked = measured.filter((each) => each.question === question)
    const [bare] = asked
    const now = asked.find(isOurs)
    if (!bare || !now) throw new Error(`${question} was not measured`)
    const cpu = `it takes ${now.cpuShare.toFixed(2)} of the bare server's CPU, and took ${cpuShare.toFixed(2)}`
    const rate = `it reaches ${now.rateShare.toFixed(2)} of the bare server's rate, and reached ${rateShare.toFixed(2)}`
    const isBusy = bare.coreShare < half
    // What cannot be measured is not fast enough.
    const isFast = isBusy ? now.cpuShare * half <= cpuShare : now.rateShare >= rateShare * half
    return !isFast ? [{ question, found: isBusy ? cpu : rate }] : []
  })
}

/**
 * Measures, and once more if anything is too slow: a slow one counts if both measures say so.
 *
 * @returns a sentence for each
 */
export async function judge(
  measure: () => Promise<readonly Figure[]>,
  recorded: readonly Figure[],
): Promise<string[]> {
  const first = slowOnes(await measure(), recorded)
  if (first.length === 0) return []
  const again = slowOnes(await measure(), recorded)
  return again.filter(({ question }) => first.some((each) => each.question === question)).map(sentenceOf)
}

function isOurs({ server }: Figure): boolean {
  return server === 'holdfast'
}

function sentenceOf({ question, found }: Slow): string {
  return `Holdfast is half as fast as it was, measured twice: ${found} (${questionWords[question] ?? question}).`
}
