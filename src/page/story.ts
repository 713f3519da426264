/** One line of a story, and how it is meant. */
export interface StoryLine {
  readonly tone: 'title' | 'plain' | 'good' | 'bad' | 'quote'
  readonly text: string
}

/** So many lines are kept. */
const mostLines = 500

/** What is told, for a page that is opened later too. The first lines go when there are too many. */
export class StoryLog {
  readonly #lines: StoryLine[] = []
  readonly #listeners = new Set<() => void>()

  readonly add = (line: StoryLine): void => {
    this.#lines.push(line)
    if (this.#lines.length > mostLines) this.#lines.shift()
    for (const listener of this.#listeners) listener()
  }

  /** All that is kept. */
  lines(): readonly StoryLine[] {
    return this.#lines
  }

  /** Calls the listener after each line. @returns ends it */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
