import { Document, visit } from 'yaml'
import { escapedText } from '../text/plain-text.ts'

/** For programs: one JSON document, or one YAML document. */
export type DataFormat = 'json' | 'yaml'

/** Writes a value for programs, ending with a newline. What acts on a terminal is escaped, so programs read it as it is. */
export function data(format: DataFormat, value: unknown): string {
  if (format === 'json') return `${escapedText(JSON.stringify(value, undefined, 2))}\n`
  const document = new Document(value, { aliasDuplicateObjects: false })
  visit(document, {
    Scalar(_key, node) {
      // Only strings in double quotes know escapes.
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
