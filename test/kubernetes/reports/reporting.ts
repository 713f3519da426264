import type { Test } from 'tap'
import type { ReportedResult } from '../../../src/gate/report-port.ts'
import type { ReportChoice } from '../../../src/kubernetes/reports/report-apis.ts'
import { ReportWriter, type ReportWriterLimits } from '../../../src/kubernetes/reports/report-writer.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'
import { openReports, type ReportDefinition } from '../../fixtures/report-definitions.ts'
import { FakeReportServer } from './fake-report-server.ts'

export const hour = 3_600_000
const clock = new FakeClock()

/** A denial that is reported. */
export function denial(key: string, parts: Partial<ReportedResult> = {}): ReportedResult {
  return {
    key,
    rule: 'eviction-during-cleanup',
    category: 'manager crash',
    result: 'fail',
    severity: 'medium',
    message: `evicting ${key} has to wait`,
    object: { kind: 'Node', name: key },
    count: 1,
    at: clock.now(),
    properties: { user: 'ann', effect: 'hold' },
    ...parts,
  }
}

/** What is wanted of a writer, and of its API server. */
export interface Choice extends Partial<Pick<ReportWriterLimits, 'flushMs' | 'writeMs'>> {
  readonly choice?: ReportChoice
  /** How long a result stays; a day if not given. */
  readonly keepMs?: number
  readonly serves?: readonly ReportDefinition[]
  readonly results?: number
  readonly bytes?: number
  readonly waiting?: number
}

/** A replica that writes a report, and how to let the next write come. */
export function replica(
  t: Test,
  server: FakeReportServer,
  { choice = 'auto', keepMs = 24 * hour, ...limits }: Choice = {},
) {
  const own = new FakeClock()
  const problems: string[] = []
  const news: string[] = []
  const writer = new ReportWriter({
    connection: server.connection(),
    namespace: 'longhorn-system',
    choice,
    keepMs,
    clock: own,
    onProblem: (error, dropped) => problems.push(`${dropped} ${String(error)}`),
    onRecovered: (lost) => news.push(`recovered, ${lost} lost`),
    onLost: (lost) => news.push(`${lost} lost`),
    limits,
  })
  t.teardown(() => writer.stop())
  /** Lets the next write come, and waits until it is over. */
  const round = async (ms = 10_000): Promise<void> => {
    await eventually(() => own.pending === 1, 'a write that is to come')
    own.advance(ms)
    await writer.idle()
  }
  return { writer, clock: own, problems, news, round }
}

/** A replica that writes the report of an API server of its own. */
export function reporting(t: Test, choice: Choice = {}) {
  const server = new FakeReportServer(...(choice.serves ?? [openReports]))
  return { server, ...replica(t, server, choice) }
}
