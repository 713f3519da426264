import type { Operation } from './operation.ts'

/** A replica's requests to the API server: each waits for the scheduler. */
export class Asking {
  readonly operations: Operation[] = []
  /** Everything it was ever answered while something was under way: its hidden state follows from that. */
  history: string[] = []
  readonly #replica: number

  constructor(replica: number) {
    this.#replica = replica
  }

  /**
   * Resolves when the scheduler says so. An aborted operation is not asked, or takes effect all the same.
   *
   * @param shown the part of the answer that makes a difference
   */
  ask<T>(what: string, effect: () => T, signal: AbortSignal, shown: (answer: T) => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.operations.splice(this.operations.indexOf(operation), 1)
        signal.removeEventListener('abort', abort)
      }
      const abort = (): void => {
        end()
        reject(new Error('aborted', { cause: signal.reason }))
      }
      const operation: Operation = {
        replica: this.#replica,
        what,
        answer: () => {
          end()
          const answer = effect()
          this.history.push(`${what}:${shown(answer)}`)
          resolve(answer)
        },
        lose: () => {
          end()
          effect()
          this.history.push(`${what}:lost`)
          reject(new Error('the answer was lost'))
        },
      }
      this.operations.push(operation)
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort)
    })
  }
}
