import { Writable } from 'node:stream'
import { plainText } from '../text/plain-text.ts'
import { wrapped } from '../text/wrap.ts'
import type { Output } from './surroundings.ts'

/** Lines at the end of a terminal that are written anew in their place. */
interface UpdatingBlock {
  /** Shows these lines in the place of those before. */
  readonly show: (lines: readonly string[]) => void
  /** Shows this text, which is plain already and may have colours. */
  readonly draw: (text: string) => void
  /** Writes text above the block, where it stays. */
  readonly above: (text: string) => void
  /** Takes the block away. */
  readonly end: () => void
  /** Lets it stand as it is. */
  readonly leave: () => void
}

/**
 * An updating block on a terminal. Names of a cluster reach it, so it makes all texts plain first.
 *
 * @param screen the terminal as it is: the block moves its cursor
 */
export async function updatingBlock(screen: Output): Promise<UpdatingBlock> {
  const { createLogUpdate } = await import('log-update')
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      screen.write(text)
      done()
    },
  })
  // Its size is asked for at each write: a person may change it meanwhile.
  const terminal = Object.defineProperties(stream, {
    isTTY: { value: true },
    columns: { get: () => screen.columns },
    rows: { get: () => screen.rows },
  })
  // The cursor stays visible, since a killed process could not show it again.
  const update = createLogUpdate(terminal, { showCursor: true })
  let shown = ''
  const draw = (text: string): void => {
    shown = text
    if (text === '') update.clear()
    else update(text.replace(/\n$/, ''))
  }
  return {
    show: (lines) => draw(wrapped(plainText(lines.join('\n')), screen.columns)),
    draw,
    above: (text) => {
      update.clear()
      screen.write(`${wrapped(plainText(text), screen.columns)}\n`)
      draw(shown)
    },
    end: () => {
      shown = ''
      update.clear()
      update.done()
    },
    leave: () => update.done(),
  }
}
