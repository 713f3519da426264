import type { Figure } from '../contest/rounds.ts'
import { isHeldUp } from './table.ts'
import { questionWords, serverWords } from './words.ts'

/** One picture. */
export interface Plot {
  readonly title: string
  /** The same in words, for people who do not see it. */
  readonly description: string
  readonly svg: string
}

const width = 760
const names = 200
const rates = { left: 210, width: 300 }
const times = { left: 585, width: 95 }
const row = 24

const style = `
  .page { fill: #ffffff } text { font: 13px system-ui, sans-serif; fill: #1f2328 } .soft { fill: #59636e }
  .bar { fill: #8c959f } .line { stroke: #8c959f; stroke-width: 2 } .ours { fill: #0969da; stroke: #0969da } text.ours { stroke: none; font-weight: 600 }
  .strong { font-weight: 600 } .end { text-anchor: end }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #e6edf3 } .soft { fill: #9198a1 }
    .bar { fill: #656c76 } .line { stroke: #656c76 } .ours { fill: #4493f8; stroke: #4493f8 }
  }`

/**
 * Draws rates as bars. A line beside each shows how long half of the answers took, and ends in a point where 99 % were given.
 *
 * @param asked the beginning of the questions
 */
export function plotOf(title: string, asked: string, figures: readonly Figure[]): Plot {
  const most = {
    rate: Math.max(...figures.map(({ aSecond }) => aSecond)),
    ms: Math.max(...figures.map(({ p99Ms }) => p99Ms)),
  }
  const parts: string[] = []
  let y = 74
  for (const question of new Set(figures.map((each) => each.question))) {
    parts.push(`<text class="strong" x="16" y="${y}">${escaped(questionOf(asked, question))}</text>`)
    y += row
    for (const figure of figures.filter((each) => each.question === question)) {
      parts.push(rowOf(figure, y, most))
      y += row
    }
    y += row / 2
  }
  const description = descriptionOf(asked, figures)
  return {
    title,
    description,
    svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
<style>${style}
</style>
<rect class="page" width="${width}" height="${y}" rx="6"/>
<text class="strong" x="16" y="28">${escaped(title)}</text>
<text class="soft" x="${rates.left}" y="46">answers a second, share of the bare rate</text>
<text class="soft" x="${times.left}" y="46">p50 to p99</text>
${parts.join('\n')}
</svg>
`,
  }
}

function rowOf(figure: Figure, y: number, most: { readonly rate: number; readonly ms: number }): string {
  const { server, aSecond, rateShare, p50Ms, p99Ms } = figure
  const ours = server === 'holdfast' ? ' ours' : ''
  const long = Math.max(1, Math.round((aSecond / most.rate) * (rates.width - 100)))
  const at = (ms: number): number => Math.round(times.left + (ms / most.ms) * times.width)
  const label = `${isHeldUp(figure) ? '≥ ' : ''}${thousands(aSecond)} (${rateShare.toFixed(2)})`
  return [
    `<text class="end${ours}" x="${names}" y="${y}">${escaped(nameOf(server))}</text>`,
    `<rect class="bar${ours}" x="${rates.left}" y="${y - 12}" width="${long}" height="15" rx="2"/>`,
    `<text x="${rates.left + long + 8}" y="${y}">${label}</text>`,
    `<line class="line${ours}" x1="${at(p50Ms)}" x2="${at(p99Ms)}" y1="${y - 5}" y2="${y - 5}"/>`,
    `<circle class="bar${ours}" cx="${at(p99Ms)}" cy="${y - 5}" r="4"/>`,
    `<text class="soft" x="${at(p99Ms) + 8}" y="${y}">${p99Ms.toFixed(1)} ms</text>`,
  ].join('')
}

/** What each bar says, in sentences. */
function descriptionOf(asked: string, figures: readonly Figure[]): string {
  const sentences = [...new Set(figures.map(({ question }) => question))].map((question) => {
    const said = figures
      .filter((each) => each.question === question)
      .map(
        (each) =>
          `${nameOf(each.server)} ${isHeldUp(each) ? 'at least ' : ''}${thousands(each.aSecond)} a second, p99 ${each.p99Ms.toFixed(1)} ms`,
      )
    return `${questionOf(asked, question)}: ${said.join('; ')}.`
  })
  return sentences.join(' ')
}

function questionOf(asked: string, question: string): string {
  return `${asked.charAt(0).toUpperCase()}${asked.slice(1)} ${questionWords[question] ?? question}`
}

function nameOf(server: string): string {
  return (serverWords[server] ?? server).replaceAll('`', '')
}

function thousands(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
