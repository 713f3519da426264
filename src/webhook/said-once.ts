import { createHash } from 'node:crypto'

/** So many different things are remembered; then all are forgotten, and each is said once again. */
const remembered = 1_000

/**
 * Remembers what was logged: Longhorn's controllers come back with a refused write up to 50 times a second
 * (longhorn.md §3), and the log must not flood.
 */
export class SaidOnce {
  readonly #said = new Set<string>()

  /** True the first time these parts come together. */
  isNew(...parts: readonly string[]): boolean {
    // Names and problems have no limit.
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64')
    if (this.#said.has(key)) return false
    if (this.#said.size >= remembered) this.#said.clear()
    this.#said.add(key)
    return true
  }
}
