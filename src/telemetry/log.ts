import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'

/**
 * Makes the log: one JSON object a line, with a constant text in `msg` and everything variable in fields. Errors go
 * in the field `err` with their causes.
 *
 * @param level `debug`, `info`, `warn`, `error` or `silent`
 */
export function createLog(level: string, destination: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, destination)
}
