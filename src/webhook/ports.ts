/** Where the door tells what nobody else can know. Has the shape of pino. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>> & { readonly err: Error }, message: string): void
}

/** Timers, so that a test owns time. */
export interface Timers {
  /**
   * Calls `fire` once after `ms` milliseconds.
   *
   * @returns cancels the timer; does nothing once it has fired
   */
  setTimer(ms: number, fire: () => void): () => void
}
