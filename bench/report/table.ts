import type { Figure } from '../contest/rounds.ts'
import { questionWords, serverWords } from './words.ts'

/** The table of some figures, in Markdown. @param asked the heading of the questions */
export function tableOf(asked: string, figures: readonly Figure[]): string {
  const heading = [
    asked,
    'server',
    'a second',
    'of the bare rate',
    'CPU for each',
    'of the bare CPU',
    'p50',
    'p99',
    'of the bare p99',
  ]
  return [heading, heading.map(() => '---'), ...figures.map((each) => cellsOf(each, bareOf(each, figures)))]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

function cellsOf(figure: Figure, bare: Figure): string[] {
  const { question, server, aSecond, rateShare, cpuUs, cpuShare, p50Ms, p99Ms, p99Share } = figure
  const least = isHeldUp(figure) ? 'at least ' : ''
  // Where both waited, nobody knows whose wait was longer.
  const leastShare = isHeldUp(bare) ? '' : least
  return [
    questionWords[question] ?? question,
    serverWords[server] ?? server,
    `${least}${Math.round(aSecond).toLocaleString('en')}`,
    `${leastShare}${rateShare.toFixed(2)}`,
    `${cpuUs.toFixed(0)} µs`,
    cpuShare.toFixed(2),
    `${p50Ms.toFixed(1)} ms`,
    `${p99Ms.toFixed(1)} ms`,
    p99Share.toFixed(2),
  ]
}

function bareOf(figure: Figure, figures: readonly Figure[]): Figure {
  return figures.find(({ question }) => question === figure.question) ?? figure
}

/** True for a server that waited for the load or the upstream, which share a core: it could answer more. */
export function isHeldUp({ coreShare }: Figure): boolean {
  return coreShare < 0.8
}
