/** Up to this many characters in all, warnings are passed whole (kubernetes.md, The answer). */
const maxTotal = 4096
/** Beyond that each is cut to this many. */
const maxEach = 256

/** Collects the warnings of one request. */
export class Warnings {
  readonly #texts = new Set<string>()

  /** Keeps a warning once. One with a control character is dropped without a word, as an API server does. */
  add(text: string): void {
    if (!/\p{Cc}/u.test(text) && text !== '') this.#texts.add(text)
  }

  /** The values of the `Warning` headers, ready to be written. */
  headers(): readonly string[] {
    const texts = [...this.#texts]
    const whole = texts.reduce((sum, text) => sum + text.length, 0) <= maxTotal
    const fitting = whole ? texts : texts.slice(0, maxTotal / maxEach).map((text) => text.slice(0, maxEach))
    return fitting.map((text) => `299 - "${bytes(text.replace(/[\\"]/g, '\\$&'))}"`)
  }
}

/** A header carries bytes: UTF-8, as Go writes it. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
