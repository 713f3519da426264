/**
 * Characters that do something to a screen instead of showing on it: control characters of both sets (U+009B is CSI in
 * one character), line and paragraph separators, and all that turn the direction of writing. Map keys, annotations and
 * names of users are free strings, and what is made of them reaches a terminal (kubernetes.md, The answer).
 */
const acting = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const actingButNewline = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu
const whiteSpace = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/** One line: white space turns into spaces, other characters that act on a screen go. */
export function plainLine(text: string): string {
  return text.replace(whiteSpace, ' ').replace(acting, '')
}

/** The same with newlines kept, for messages that are a list. */
export function plainText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll('\t', ' ').replace(actingButNewline, '')
}

/**
 * JSON, or YAML whose strings are in double quotes, with such characters written as `\u009b`: a program reads the same,
 * and a terminal shows them. Newlines between values stay.
 */
export function escapedText(quoted: string): string {
  return quoted.replace(
    actingButNewline,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
