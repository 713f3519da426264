import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { at, textAt } from '../../../src/sandbox/json.ts'
import { eventually } from '../../fixtures/eventually.ts'

/** One line of a watch. */
export interface Line {
  readonly type: string
  readonly object: unknown
}

/** A watch over HTTP that is open until the test ends, or the server ends it. */
export class Watching {
  readonly lines: Line[] = []
  ended = false

  /** Opens one; resolves when the server has begun to answer. */
  static async open(t: Test, url: string, headers: Record<string, string> = {}): Promise<Watching> {
    const gone = new AbortController()
    t.teardown(() => gone.abort())
    const response = await fetch(url, { signal: gone.signal, headers })
    const watching = new Watching()
    if (response.body) void watching.#read(Readable.fromWeb(response.body))
    return watching
  }

  /** What was shown so far, as `ADDED n1`. */
  get story(): string[] {
    return this.lines.map(({ type, object }) => `${type} ${textAt(object, 'metadata', 'name')}`.trim())
  }

  /** Waits for so many lines. @throws after 5 s */
  async until(count: number): Promise<readonly Line[]> {
    await eventually(
      () => this.lines.length >= count,
      `${count} lines of a watch, but there are ${this.story.join()}`,
    )
    return this.lines
  }

  async #read(body: Readable): Promise<void> {
    try {
      for await (const line of createInterface({ input: body })) {
        const event: unknown = JSON.parse(line)
        this.lines.push({ type: textAt(event, 'type'), object: at(event, 'object') })
      }
    } catch (error) {
      // The test has ended and cut the connection, or the server has: both are an end.
      if (!(error instanceof Error)) throw error
    }
    this.ended = true
  }
}
