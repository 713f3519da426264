import { Counter, Histogram, type Registry } from 'prom-client'
import type { DecisionListener, Timing } from '../gate/ports.ts'
import { findingsOf, type Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'

/** A decision on what is known takes microseconds, one that is confirmed a few round trips. */
const decisionBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** The API server waits for 30 s at most. */
const holdBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30]

/** Counts decisions. Labels are of a fixed number: never a node, an image or a user. */
export class DecisionMetrics implements DecisionListener {
  readonly #decisions: Counter<'verdict' | 'kind' | 'door' | 'dry_run'>
  readonly #findings: Counter<'rule' | 'effect'>
  readonly #unavailable: Counter<'why'>
  readonly #seconds: Histogram<'verdict'>
  readonly #holdSeconds: Histogram

  constructor(registry: Registry) {
    const registers = [registry]
    this.#decisions = new Counter({
      name: 'holdfast_decisions_total',
      help: 'Changes decided.',
      labelNames: ['verdict', 'kind', 'door', 'dry_run'],
      registers,
    })
    this.#findings = new Counter({
      name: 'holdfast_findings_total',
      help: 'What rules had to say against changes: refuse, hold or warn.',
      labelNames: ['rule', 'effect'],
      registers,
    })
    this.#unavailable = new Counter({
      name: 'holdfast_unavailable_total',
      help: 'Arming changes that could not be judged, by reason.',
      labelNames: ['why'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'holdfast_decision_seconds',
      help: 'How long decisions took, without the time that changes were held.',
      labelNames: ['verdict'],
      buckets: decisionBuckets,
      registers,
    })
    this.#holdSeconds = new Histogram({
      name: 'holdfast_hold_seconds',
      help: 'How long changes were held inside their requests, if they were.',
      buckets: holdBuckets,
      registers,
    })
  }

  decided(change: Change, verdict: Verdict, { totalMs, heldMs }: Timing): void {
    const { decision } = verdict
    const { door, dryRun } = change.request
    this.#decisions.inc({ verdict: decision, kind: change.kind, door, dry_run: String(dryRun) })
    this.#seconds.observe({ verdict: decision }, (totalMs - heldMs) / 1_000)
    if (heldMs > 0) this.#holdSeconds.observe(heldMs / 1_000)
    if (decision === 'unavailable') this.#unavailable.inc({ why: verdict.why })
    const findings = decision === 'allow' ? verdict.warnings : findingsOf(verdict)
    for (const { rule, effect } of findings) this.#findings.inc({ rule, effect })
  }
}
