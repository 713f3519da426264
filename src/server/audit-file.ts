import type { Logger } from 'pino'
import { Counter, type Registry } from 'prom-client'
import type { Configuration } from '../configuration/configuration.ts'
import { FileSink } from '../observability/audit-file.ts'
import { systemClock } from '../time/clock.ts'

/**
 * The audit file of a guard. A record that does not reach the file is in the log, at any log level, and is
 * counted.
 */
export function auditFileSink(
  file: NonNullable<Configuration['auditFile']>,
  registry: Registry,
  log: Logger,
): FileSink {
  const registers = [registry]
  const dropped = new Counter({
    name: 'holdfast_audit_dropped_total',
    help: 'Audit records that a sink did not take, or not in time; they are in the log then.',
    labelNames: ['sink', 'reason'],
    registers,
  })
  const reopened = new Counter({
    name: 'holdfast_audit_reopened_total',
    help: 'How often the audit file was reopened, after it was moved or deleted, or after SIGHUP.',
    labelNames: ['reason'],
    registers,
  })
  // Denials are logged at any verbosity.
  const always = log.child({}, { level: 'info' })
  const { path } = file
  return new FileSink({
    ...file,
    clock: systemClock,
    onDropped(record, reason, err) {
      dropped.inc({ sink: 'file', reason })
      always.error({ err, reason, record }, 'an audit record is not in its file')
    },
    onReopened(reason) {
      reopened.inc({ reason })
      if (reason === 'moved') log.warn({ path }, 'the audit file was moved or deleted, and is reopened')
      else log.info({ path }, 'the audit file is reopened')
    },
    onKept: (err) => log.error({ err, path }, 'the audit file cannot be rotated, and grows on'),
  })
}
