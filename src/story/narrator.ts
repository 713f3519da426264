import type { Colours } from '../terminal/colours.ts'
import type { Outcome } from './stage.ts'

/** Tells the story, line by line, in plain sentences. */
export class Narrator {
  readonly #write: (line: string) => void
  readonly #colours: Colours

  constructor(write: (line: string) => void, colours: Colours) {
    this.#write = write
    this.#colours = colours
  }

  title(text: string): void {
    this.#write('')
    this.#write(this.#colours.bold(text))
  }

  say(text: string): void {
    this.#write(`  ${text}`)
  }

  good(text: string): void {
    this.#write(`  ${this.#colours.green('✓')} ${text}`)
  }

  bad(text: string): void {
    this.#write(`  ${this.#colours.red('✗')} ${text}`)
  }

  /** What the API server answered, word for word. */
  quote({ code, message }: Outcome): void {
    for (const line of `${code}: ${message}`.split('\n')) this.#write(`      ${this.#colours.dim(line)}`)
  }
}
