import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** How many columns of a terminal a text takes: none for colours, two for a character of East Asia. */
export function widthOf(text: string): number {
  return stringWidth(text)
}

/**
 * The same text with lines of at most so many columns, broken between words. What goes on begins below the text of its
 * line: behind its indentation, and behind a label such as `Why:   `.
 *
 * A line that is a command stays whole, since a person copies it, and so does a word that is too long.
 *
 * @param width undefined where no terminal is: the text stays as it is
 */
export function wrapped(text: string, width: number | undefined): string {
  if (width === undefined) return text
  return text
    .split('\n')
    .map((line) => wrappedLine(line, width))
    .join('\n')
}

function wrappedLine(line: string, width: number): string {
  if (widthOf(line) <= width || isCommand.test(line)) return line
  const hang = hangOf(line)
  // A margin that takes most of the terminal leaves nothing for the text.
  const margin = hang > width / 2 ? 2 : hang
  const [first = '', ...rest] = broken(line.slice(hang), width - hang)
  const more = margin === hang ? rest : broken(rest.join(' '), width - margin)
  return [line.slice(0, hang) + first, ...more.map((each) => ' '.repeat(margin) + each)].join('\n')
}

/** The lines of a text that has to fit into so many columns. A word that is wider sticks out. */
function broken(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width)).split('\n')
}

/** The lines of a cell, none wider than so many columns: words that are too long are broken too. */
export function brokenInto(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text]
  return wrapAnsi(text, Math.max(1, width), { hard: true }).split('\n')
}

const isCommand =
  /^\s*(?:Look: +)?(?:\$ )?(?:kubectl|holdfast|helm|export|curl|node dist\/main\.js|etcdctl) /

/** Indentation, then a label and the spaces that set it apart, or a mark of a list. */
function hangOf(line: string): number {
  return /^ *(?:[A-Z][a-z]+: +|(?:why|do): +|[-✓✗•] |\d+\. )?/.exec(line)?.[0].length ?? 0
}
