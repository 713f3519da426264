import { Counter, type Registry } from 'prom-client'
import type { LogStream } from './log-stream.ts'

/** Counts the lines that are not in the log. */
export function logMetrics(registry: Registry, stream: Pick<LogStream, 'dropped'>): void {
  new Counter({
    name: 'holdfast_log_dropped_total',
    help: 'Lines that are not in the log: its reader stalls, or standard output was closed.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [reason, count] of Object.entries(stream.dropped)) if (count > 0) this.inc({ reason }, count)
    },
  })
}
