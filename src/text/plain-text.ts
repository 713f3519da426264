/** The length that names are cut to, in UTF-16 units. Kubernetes allows 253 in a name. */
export const longestText = 1_024

/**
 * The beginning of a text, cut on entry to at most so many UTF-16 units, since records and memories of log
 * lines keep texts of strangers.
 */
export function shortened(text: string, longest: number = longestText): string {
  return text.length <= longest ? text : copyOf(text.slice(0, longest))
}

/** Cuts a text that is longer than `longest` UTF-16 units; the last one is then `…`. Never cuts a character in two. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text
  const end = longest - 1
  const splits = /[\ud800-\udbff]/.test(text.charAt(end - 1))
  return copyOf(`${text.slice(0, splits ? end - 1 : end)}…`)
}

/** V8 keeps the whole text in memory as long as a slice of it. */
function copyOf(text: string): string {
  return Array.from(text).join('')
}

/**
 * The address of a peer as people know it. A client that comes by IPv4 to a socket of both families is called
 * `::ffff:10.0.0.1`.
 */
export function peerAddress(remoteAddress: string | undefined): string | undefined {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '')
}

/**
 * Characters that act on a screen: control characters of both sets (U+009B is CSI in one character), line and
 * paragraph separators, and all that turn the direction of writing. Map keys, annotations and user names are
 * free strings, and they reach terminals (kubernetes.md, The answer).
 */
const acting = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const actingButNewline = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const whiteSpace = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/** One line: white space becomes spaces, and other characters that act on a screen are removed. */
export function plainLine(text: string): string {
  return text.replace(whiteSpace, ' ').replace(acting, '')
}

/** The same with newlines kept, for messages that are a list. */
export function plainText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll('\t', ' ').replace(actingButNewline, '')
}

/**
 * JSON, or YAML whose strings are in double quotes, with such characters written as `\u009b`. A program reads
 * the same, and a terminal shows them. Newlines between values stay.
 */
export function escapedText(quoted: string): string {
  return quoted.replace(
    actingButNewline,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A word of a command, as a shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
