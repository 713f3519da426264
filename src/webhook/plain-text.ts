/**
 * Control characters, and those that turn the direction of writing: map keys and annotations are free strings, and
 * messages reach a terminal as they are (kubernetes.md, The answer).
 */
const control = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu
const controlButNewline = /(?!\n)[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu
const whiteSpace = /[\t\n\v\f\r\u0085\u2028\u2029]+/g

/** One line: white space turns into spaces, other control characters go. */
export function plainLine(text: string): string {
  return text.replace(whiteSpace, ' ').replace(control, '')
}

/** The same with newlines kept, for messages that are a list. */
export function plainText(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll('\t', ' ').replace(controlButNewline, '')
}

/** Cuts a text that is longer than `max` UTF-16 units; the last one is then `…`. Never cuts a character in two. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text
  const end = max - 1
  const splits = /[\ud800-\udbff]/.test(text.charAt(end - 1))
  return `${text.slice(0, splits ? end - 1 : end)}…`
}
