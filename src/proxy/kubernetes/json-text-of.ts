/**
 * The text of a body that is JSON; undefined for any other, which then is passed on as it came: YAML of strangers is not
 * parsed. One character is one byte, so that {@link bodyOf} yields the very bytes again.
 */
export function jsonTextOf(body: Buffer): string | undefined {
  const text = body.toString('latin1')
  try {
    JSON.parse(text)
    return text
  } catch {
    return undefined
  }
}

/** The bytes of such a text. */
export function bodyOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** True for the text of a JSON object. */
export function isObjectText(text: string | undefined): text is string {
  return text?.trimStart().startsWith('{') === true
}
