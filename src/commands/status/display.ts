import { wrapped } from '../../text/wrap.ts'
import { longhornName, type OutputFormat, printed } from '../output/output-format.ts'
import type { CommandSurroundings, Output } from '../surroundings.ts'
import { widthOf } from '../terminal.ts'
import { updatingBlock } from '../updating-block.ts'
import { fitted } from './fit.ts'
import { heading } from './heading.ts'
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

/** Where `--watch` shows the status: tables on a terminal in one place, all else one after the other. */
export async function openDisplay(
  format: StatusFormat,
  look: Omit<Look, 'wide' | 'width'>,
  { stdout }: Pick<CommandSurroundings, 'stdout'>,
  notes: Notes,
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
  return {
    isOnePlace: true,
    show: (status, stale) => {
      // A person may change the size meanwhile.
      const width = widthOf(stdout) ?? 80
      const now: Look = { ...look, width, wide: output !== undefined }
      const above = now.headers === false ? '' : heading(status, { server: look.server, width })
      const told = stale === undefined ? above : `${above}${wrapped(stale, width)}\n`
      block.draw(fitted(told, sections(status, now), { width, height: stdout.rows ?? 24 }))
    },
    stop: () => {
      notes.above = undefined
      block.leave()
      // The terminal has shown ^C there.
      stdout.write('\n')
      return Promise.resolve()
    },
  }
}
