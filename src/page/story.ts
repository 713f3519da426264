/** One line of a story, and its tone. */
export interface StoryLine {
  readonly tone: 'title' | 'plain' | 'good' | 'bad' | 'quote'
  readonly text: string
}

/** The maximum of lines. */
const mostLines = 500

/** The lines of a story, for pages that open later too. Beyond the maximum the first lines go. */
export class StoryLog {
  readonly #lines: StoryLine[] = []
  readonly #listeners = new Set<() => void>()

  readonly add = (line: StoryLine): void => {
    this.#lines.push(line)
    if (this.#lines.length > mostLines) this.#lines.shift()
    for (const listener of this.#listeners) listener()
  }

  /** The latest lines. */
  lines(): readonly StoryLine[] {
    return this.#lines
  }

  /** Calls the listener after each line. @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
