import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import { escapedText } from '../text/plain-text.ts'

/**
 * Makes the log: one JSON object a line, with a constant text in `msg` and everything variable in fields. Errors go
 * in the field `err` with their causes. Characters that act on a terminal are escaped, whoever wrote them.
 *
 * @param level `debug`, `info`, `warn`, `error` or `silent`
 */
export function createLog(level: string, destination: DestinationStream): Logger {
  const escaping = { write: (line: string) => destination.write(escapedText(line)) }
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, escaping)
}
