import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A process that runs beside the tests. Its output is kept, so that tests can wait for a line, or show it on a failure. */
export class Child {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #exit: Promise<unknown>
  readonly #lines: string[] = []
  readonly #waiting = new Set<() => void>()
  #ended = false

  constructor(name: string, program: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#name = name
    this.#process = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#exit = once(this.#process, 'exit').finally(() => {
      this.#ended = true
      this.#wake()
    })
    this.#exit.catch((error: unknown) => this.#lines.push(String(error)))
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#onLine(line))
    }
  }

  /** Its number, while it runs. */
  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** How many lines were written; a place to look from. */
  get lineCount(): number {
    return this.#lines.length
  }

  /** The first line, from some place on, that is of use. @throws when the process ends without it, or after `ms` */
  async line<T>(find: (line: string) => T | undefined, { from = 0, ms = 60_000 } = {}): Promise<T> {
    const until = performance.now() + ms
    for (let index = from; ; index += 1) {
      while (index >= this.#lines.length) {
        if (this.#ended || performance.now() > until)
          throw new Error(`${this.#name} did not say so:\n${this.last}`)
        await this.#more(until)
      }
      const found = find(this.#lines[index] ?? '')
      if (found !== undefined) return found
    }
  }

  /** The end of the output, for messages. */
  get last(): string {
    return this.#lines.slice(-15).join('\n')
  }

  /** The first errors that were logged, for messages. */
  get errors(): string {
    return this.#lines
      .filter((line) => line.startsWith('{"level":50'))
      .slice(0, 5)
      .join('\n')
  }

  /** Sends a signal and waits for the end. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (!this.#ended) this.#process.kill(signal)
    await this.#exit
  }

  /** Goes on for ever, comes back, or does what the signal means to it, without an end. */
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGTERM' | 'SIGUSR2'): void {
    this.#process.kill(signal)
  }

  #onLine(line: string): void {
    this.#lines.push(line)
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #more(until: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, until - performance.now()))
      this.#waiting.add(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
