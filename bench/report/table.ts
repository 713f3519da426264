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
  ]
  return [heading, heading.map(() => '---'), ...figures.map(cellsOf)]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

function cellsOf(figure: Figure): string[] {
  const { question, server, aSecond, rateShare, cpuUs, cpuShare, p50Ms, p99Ms } = figure
  const least = isHeldUp(figure) ? 'at least ' : ''
  return [
    questionWords[question] ?? question,
    serverWords[server] ?? server,
    `${least}${Math.round(aSecond).toLocaleString('en')}`,
    `${least}${rateShare.toFixed(2)}`,
    `${cpuUs.toFixed(0)} µs`,
    cpuShare.toFixed(2),
    `${p50Ms.toFixed(1)} ms`,
    `${p99Ms.toFixed(1)} ms`,
  ]
}

/** True for a server that waited for the load or the upstream, which share a core: it could answer more. */
export function isHeldUp({ coreShare }: Figure): boolean {
  return coreShare < 0.8
}
