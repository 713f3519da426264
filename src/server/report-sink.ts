import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ReportWriter } from '../kubernetes/reports/report-writer.ts'
import type { AuditSink } from '../observability/audit-sinks.ts'
import { ReportRecords } from '../observability/report-results.ts'
import { systemClock } from '../time/clock.ts'

/** The report of denials in the cluster. Undefined if it is off. */
export function reportSink(
  { report, policy }: Pick<Configuration, 'report' | 'policy'>,
  connection: Connection,
  log: Pick<Logger, 'warn'>,
): AuditSink | undefined {
  if (!report) return undefined
  const writer = new ReportWriter({
    ...report,
    connection,
    namespace: policy.longhornNamespace,
    clock: systemClock,
    onProblem: (error, dropped) =>
      log.warn({ err: error, dropped }, 'the report of denials cannot be written'),
  })
  writer.start()
  return new ReportRecords(writer)
}
