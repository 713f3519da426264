/** A file whose bytes are no text. */
export class UndecodableText extends Error {
  constructor(cause: unknown) {
    super('it is no text in UTF-8, nor in UTF-16 with a byte order mark', { cause })
    this.name = 'UndecodableText'
  }
}

/**
 * The text of a file, by its byte order mark as kubectl reads it: UTF-16 as PowerShell 5 writes it, or else UTF-8. The
 * mark is no part of the text.
 *
 * @throws UndecodableText, as kubectl takes no YAML of other bytes either
 */
export function decodedText(bytes: Uint8Array): string {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new UndecodableText(cause)
  }
}

/** The encoding that the first bytes of a file tell; without a mark it is UTF-8. */
export function encodingOf(beginning: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  const [first, second] = beginning
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
}
