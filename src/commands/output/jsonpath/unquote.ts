import { TemplateProblem } from './nodes.ts'

const letters: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/**
 * The text of a quoted word of a template, with the escapes of Go: `"\t"`, `'\n'`, `"\u00e9"`.
 *
 * @param word with its quotes
 * @throws TemplateProblem
 */
export function unquoted(word: string): string {
  const mark = word.charAt(0)
  return word
    .slice(1, -1)
    .replaceAll(
      /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{3})|([^]?))/g,
      (_, ...found) => {
        const [byte, short, long, octal, letter] = found as (string | undefined)[]
        const hex = byte ?? short ?? long
        if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16))
        if (octal !== undefined) return String.fromCodePoint(parseInt(octal, 8))
        const text = letter === mark ? mark : letters[letter ?? '']
        if (text === undefined) throw new TemplateProblem(`unquote string ${word} error invalid syntax`)
        return text
      },
    )
}
