import { createColors } from 'picocolors'
import { Document, visit } from 'yaml'
import { escapedText } from '../text/plain-text.ts'

/** The destination of text, and whether it is a terminal. */
interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
}

/** The columns of a terminal; undefined for another destination, where no line is broken. */
export function widthOf({ isTTY, columns = 80 }: Screen): number | undefined {
  return isTTY === true && columns > 0 ? columns : undefined
}

/** Colours for a terminal, and none elsewhere or if the user wants none (https://no-color.org). */
export function coloursFor(screen: Screen, env: Readonly<Record<string, string | undefined>>): Colours {
  return createColors(screen.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb')
}

/** Functions that paint a text. */
export type Colours = ReturnType<typeof createColors>

/** For programs: one JSON document, or one YAML document. */
export type DataFormat = 'json' | 'yaml'

/**
 * Writes a value for programs, ending with a newline. Characters that act on a terminal are escaped; programs
 * read the original value.
 */
export function data(format: DataFormat, value: unknown): string {
  if (format === 'json') return `${escapedText(JSON.stringify(value, undefined, 2))}\n`
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_key, node) {
      // Only strings in double quotes have escapes.
      if (typeof node.value === 'string' && escapedText(node.value) !== node.value) node.type = 'QUOTE_DOUBLE'
    },
  })
  // A newline in such a string is an escape too.
  const options = { lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER }
  return escapedText(document.toString(options))
}

/** The same as one line of JSON, for documents that come one after the other. */
export function dataLine(value: unknown): string {
  return `${escapedText(JSON.stringify(value))}\n`
}
