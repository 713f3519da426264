import { type Logger, pino } from 'pino'
import type { Log } from '../../src/doors/webhook/log.ts'

/** Collects unexpected events: lines of the log at level error, and uncaught errors. */
export class Surprises {
  /** The event, in words. */
  readonly happened: string[] = []

  /** For the webhook. */
  readonly log: Log = {
    info: () => undefined,
    warn: () => undefined,
    error: ({ err, ...fields }, message) =>
      void this.happened.push(`${message}: ${JSON.stringify(fields)} ${stackOf(err)}`),
  }

  /** For the proxies. */
  readonly logger: Logger = pino({ level: 'error' }, { write: (line) => void this.happened.push(line) })

  /** Collects uncaught errors from now on. @returns ends it */
  listen(): () => void {
    const note = (error: unknown): void => void this.happened.push(`nobody caught ${stackOf(error)}`)
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    return () => {
      process.off('uncaughtException', note)
      process.off('unhandledRejection', note)
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
