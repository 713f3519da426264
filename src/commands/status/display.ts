import { wrapped } from '../../text/wrap.ts'
import { longhornName, type OutputFormat, printed } from '../output/output-format.ts'
import type { CommandSurroundings, Output } from '../surroundings.ts'
import { widthOf } from '../terminal.ts'
import { updatingBlock } from '../updating-block.ts'
import { scrolled } from './fit.ts'
import { heading } from './heading.ts'
import { type Wish, wishesIn } from './keys.ts'
import type { Status } from './status.ts'
import { type Look, sections, tables } from './tables.ts'
import type { Display } from './watch.ts'

/** How a status is to be shown. */
interface StatusFormat {
  readonly output?: OutputFormat<'wide'>
  readonly headers: boolean
  readonly watch: boolean
}

/** A status in the wanted format. */
export function statusText(
  status: Status,
  { output, headers, watch }: StatusFormat,
  look: Omit<Look, 'wide'>,
): string {
  if (output === undefined || output.format === 'wide')
    return tables(status, { ...look, wide: output !== undefined })
  const { nodes } = status
  const names = nodes.map(({ name }) => longhornName('Node', name))
  const text = printed(output, { document: status, items: nodes, names }, { headers })
  return watch && output.format === 'yaml' ? `---\n${text}` : text
}

/** What a person is told beside a status: on standard error, and above what is written anew there. */
export class Notes {
  readonly #stderr: Output
  /** Writes a text above what is written anew; undefined while nothing is. */
  above: ((text: string) => void) | undefined

  constructor(stderr: Output) {
    this.#stderr = stderr
  }

  readonly note = (text: string): void => {
    const line = `holdfast: ${text}`
    if (this.above !== undefined && this.#stderr.isTTY === true) this.above(line)
    else this.#stderr.write(`${line}\n`)
  }
}

/**
 * Where `--watch` shows the status: tables on a terminal in one place, all else one after the other. In one place a person
 * scrolls with the keys of `less`, and ends with q.
 */
export async function openDisplay(
  format: StatusFormat,
  look: Omit<Look, 'wide' | 'width'>,
  { stdout, onKey }: Pick<CommandSurroundings, 'stdout' | 'onKey'>,
  { notes, quit }: { readonly notes: Notes; readonly quit: () => void },
): Promise<Display & { stop(): Promise<void> }> {
  const { output } = format
  if (stdout.isTTY !== true || (output !== undefined && output.format !== 'wide')) {
    let isFirst = true
    const isTables = output === undefined || output.format === 'wide'
    return {
      isOnePlace: false,
      show: (status) => {
        stdout.write(`${isFirst || !isTables ? '' : '\n'}${statusText(status, format, { ...look })}`)
        isFirst = false
      },
      stop: () => Promise.resolve(),
    }
  }
  const block = await updatingBlock(stdout)
  notes.above = block.above
  let [from, page, end] = [0, 1, 0]
  const draw = ({ status, stale }: Shown): void => {
    // A person may change the size meanwhile.
    const width = widthOf(stdout) ?? 80
    const now: Look = { ...look, width, wide: output !== undefined }
    const above = now.headers === false ? '' : heading(status, { server: look.server, width })
    const top = stale === undefined ? above : `${above}${wrapped(stale, width)}\n`
    const size = { width, height: stdout.rows ?? 24 }
    const part = scrolled(top, sections(status, now), size, from)
    ;({ from, page, last: end } = part)
    block.draw(part.text)
  }
  let last: Shown | undefined
  const forget = onKey?.((typed) => {
    for (const wish of wishesIn(typed)) {
      if (wish === 'quit') quit()
      else from = Math.min(Math.max(0, lineAfter(wish, from, page)), end)
    }
    if (last !== undefined) draw(last)
  })
  return {
    isOnePlace: true,
    show: (status, stale) => draw((last = { status, stale })),
    stop: () => {
      forget?.()
      last = undefined
      notes.above = undefined
      block.leave()
      // The terminal has shown ^C there.
      stdout.write('\n')
      return Promise.resolve()
    },
  }
}

/** What stands on the terminal. */
interface Shown {
  readonly status: Status
  readonly stale: string | undefined
}

/** The line with which the tables begin after a key. */
function lineAfter(wish: Exclude<Wish, 'quit'>, from: number, page: number): number {
  switch (wish) {
    case 'down':
      return from + 1
    case 'up':
      return from - 1
    case 'page-down':
      return from + page
    case 'page-up':
      return from - page
    case 'first':
      return 0
    case 'last':
      return Number.MAX_SAFE_INTEGER
  }
}
