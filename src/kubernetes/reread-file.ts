import { readFile } from 'node:fs/promises'
import type { Clock } from '../time/clock.ts'

/** Tokens and certificates are replaced while they are good, so what was read this lately will do, in milliseconds. */
const freshMs = 10_000

/** A file of credentials, which is replaced now and then. It is read again when it was read some time ago. */
export class RereadFile {
  readonly #path: string
  readonly #clock: Clock
  #read: { readonly content: Buffer; readonly at: number } | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** @throws an Error of Node if it could never be read; a file that is gone for a moment is taken as it was */
  async content(): Promise<Buffer> {
    const now = this.#clock.monotonic()
    if (this.#read && now - this.#read.at < freshMs) return this.#read.content
    try {
      this.#read = { content: await readFile(this.#path), at: now }
    } catch (error) {
      if (!this.#read) throw error
    }
    return this.#read.content
  }
}
