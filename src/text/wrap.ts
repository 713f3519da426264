import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

/** How many columns of a terminal a text takes: none for colours, two for a character of East Asia. */
export function widthOf(text: string): number {
  return stringWidth(text)
}

/** The width of the widest; 0 without any. It takes any number, where the arguments of a function are limited. */
export function widest(texts: Iterable<string>): number {
  let width = 0
  for (const text of texts) width = Math.max(width, widthOf(text))
  return width
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
  const [prefix = ''] = labelled.exec(line) ?? []
  return hanging(prefix, line.slice(prefix.length), width)
}

/** A text behind a prefix: what goes on in the next line begins below the text. */
export function hanging(prefix: string, text: string, width: number | undefined): string {
  const hang = widthOf(prefix)
  if (width === undefined || hang + widthOf(text) <= width) return prefix + text
  // A margin that takes most of the terminal leaves nothing for the text.
  const margin = hang > width / 2 ? 2 : hang
  const [first = '', ...rest] = broken(text, width - hang)
  const more = margin === hang ? rest : broken(rest.join(' '), width - margin)
  return [prefix + first, ...more.map((each) => ' '.repeat(margin) + each)].join('\n')
}

/** The lines of a text that has to fit into so many columns. A word that is wider sticks out. */
function broken(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width)).split('\n')
}

/**
 * The lines of a cell, none wider than so many columns: broken between words, else behind a sign in them, as in
 * `eviction-during-cleanup`, and in the middle of a word only where that is wider.
 *
 * @param text without colours
 */
export function brokenInto(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const part of partsOf(text).flatMap((part) =>
    widthOf(part.trimEnd()) <= width ? [part] : hardBroken(part, width),
  )) {
    if (line !== '' && widthOf((line + part).trimEnd()) > width) {
      lines.push(line.trimEnd())
      line = ''
    }
    line += part
  }
  return [...lines, line.trimEnd()]
}

/** The width of the widest part of a cell that is not broken if there is room for it. */
export function widestPart(text: string): number {
  return widest(partsOf(text).map((part) => part.trimEnd()))
}

function partsOf(text: string): string[] {
  // A time, a version or an address stays together.
  return text.split(/(?<=[-/:.,@ ])(?<!\d[-:.](?=\d))(?=[^-/:.,@ ])/)
}

function hardBroken(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width), { hard: true, trim: false }).split('\n')
}

const isCommand =
  // eslint-disable-next-line no-control-regex -- it is what a terminal reads
  /^\s*(?:\u001B\[\d+m)?(?:Look: +)?(?:\$ )?(?:kubectl|holdfast|helm|export|curl|node dist\/main\.js|etcdctl) /

/** Indentation, then a label and the spaces that set it apart, or a mark of a list, which may be painted. */
const labelled =
  // eslint-disable-next-line no-control-regex -- it is what a terminal reads
  /^(?: +\S+(?: \S+){0,2} {2,}(?=\S)| *(?:[A-Z][a-z]+: +|(?:why|do): +|(?:\u001B\[\d+m)?[-✓✗•](?:\u001B\[\d+m)? |\d+\. )?)/

/**
 * A help with lines of at most so many columns. Paragraphs in it are written with lines of any length: those that follow one
 * another and are not indented are one.
 */
export function reflowed(help: string, width: number): string {
  const paragraphs = help.replaceAll(/^(\S.*[^:\n])\n(?=\S)/gm, '$1 ')
  return wrapped(paragraphs, width)
}
