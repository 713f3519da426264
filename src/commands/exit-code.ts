/** What the process ends with. */
export const exitCode = {
  /** All as asked. */
  ok: 0,
  /** It ran, and the outcome is bad news. */
  failed: 1,
  /** It could not run: wrong flags, no cluster, a file that cannot be read. */
  couldNotRun: 2,
} as const

/** Thrown by a command that cannot run, with a message for the person who typed it. */
export class CannotRun extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CannotRun'
  }
}
