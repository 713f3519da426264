import { createHash } from 'node:crypto'

/** Reports events that only the door knows. Has the shape of pino. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>> & { readonly err: Error }, message: string): void
}

/** Limit of remembered keys. At the limit the memory is cleared, and each key is logged once more. */
const remembered = 1_000

/**
 * Remembers which lines were logged. Longhorn's controllers retry a denied write up to 50 times a second
 * (longhorn.md §3), and must not flood the log.
 */
export class LogOnce {
  readonly #logged = new Set<string>()

  /** True the first time it sees this combination of parts. */
  isNew(...parts: readonly string[]): boolean {
    // Names and problems have no length limit.
    const key = createHash('sha256').update(JSON.stringify(parts)).digest('base64')
    if (this.#logged.has(key)) return false
    if (this.#logged.size >= remembered) this.#logged.clear()
    this.#logged.add(key)
    return true
  }
}
