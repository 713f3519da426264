import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Configuration } from '../configuration/configuration.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ReportWriter } from '../kubernetes/reports/report-writer.ts'
import type { AuditSink } from '../observability/audit-sinks.ts'
import { ReportRecords } from '../observability/report-results.ts'
import { reportMetrics } from '../observability/state-metrics.ts'
import { systemClock } from '../time/clock.ts'

/** The report of denials in the cluster. Undefined if it is off. */
export function reportSink(
  { report, policy }: Pick<Configuration, 'report' | 'policy'>,
  connection: Connection,
  registry: Registry,
  log: Pick<Logger, 'info' | 'warn'>,
): AuditSink | undefined {
  if (!report) return undefined
  const writer = new ReportWriter({
    ...report,
    connection,
    namespace: policy.longhornNamespace,
    clock: systemClock,
    onProblem: (error, dropped) =>
      log.warn({ err: error, dropped }, 'the report of denials cannot be written'),
    onRecovered: (lost) => {
      if (lost > 0) log.warn({ lost }, 'the report of denials is written again, and lacks results')
      else log.info('the report of denials is written again')
    },
    onLost: (lost) => log.warn({ lost }, 'the report of denials lacks results'),
  })
  reportMetrics(registry, writer)
  writer.start()
  return new ReportRecords(writer)
}
