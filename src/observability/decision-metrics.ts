import { Counter, Histogram, type Registry } from 'prom-client'
import type { DecisionListener, Timing } from '../gate/ports.ts'
import { decisionFor, findingsOf, type Verdict } from '../gate/verdict.ts'
import type { Change, Request } from '../rules/change.ts'
import type { Policy } from '../rules/policy.ts'

/** A decision on the map takes microseconds, a confirmed one a few round trips. */
const decisionBuckets = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** The API server waits for 30 s at most. */
const holdBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30]

/** Changes alike that passed one after the other, and how long each decision took. */
interface Passed extends Pick<Request, 'door' | 'dryRun'> {
  readonly kind: Change['kind']
  readonly seconds: number[]
}

/** So many are counted at once. */
const mostPassed = 256

/** Counts decisions. The number of labels is fixed: never a node, an image or a user. */
export class DecisionMetrics implements DecisionListener {
  readonly #decisions: Counter<'verdict' | 'kind' | 'door' | 'dry_run'>
  readonly #findings: Counter<'rule' | 'effect'>
  readonly #unavailable: Counter<'why'>
  readonly #policy: Pick<Policy, 'longhornNamespace' | 'impatient'>
  readonly #seconds: Histogram<'verdict'>
  readonly #holdSeconds: Histogram
  /** Nearly all changes pass. Counted together, each takes less than half of the time (measured on Node 20 and 24). */
  #passed: Passed | undefined

  /** @param policy which accounts must not wait: they get a hold as a denial */
  constructor(registry: Registry, policy: Pick<Policy, 'longhornNamespace' | 'impatient'>) {
    this.#policy = policy
    const registers = [registry]
    const collect = (): void => this.#countPassed()
    this.#decisions = new Counter({
      name: 'holdfast_decisions_total',
      help: 'Changes decided.',
      labelNames: ['verdict', 'kind', 'door', 'dry_run'],
      registers,
      collect,
    })
    this.#findings = new Counter({
      name: 'holdfast_findings_total',
      help: 'Findings of rules against changes: refuse, hold or warn.',
      labelNames: ['rule', 'effect'],
      registers,
    })
    this.#unavailable = new Counter({
      name: 'holdfast_unavailable_total',
      help: 'Dangerous changes that could not be judged, by reason.',
      labelNames: ['why'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'holdfast_decision_seconds',
      help: 'How long decisions took, without the wait of held requests.',
      labelNames: ['verdict'],
      buckets: decisionBuckets,
      registers,
      collect,
    })
    this.#holdSeconds = new Histogram({
      name: 'holdfast_hold_seconds',
      help: 'How long held requests waited.',
      buckets: holdBuckets,
      registers,
    })
  }

  decided(change: Change, verdict: Verdict, { totalMs, heldMs }: Timing): void {
    if (verdict.decision === 'allow' && verdict.warnings.length === 0 && heldMs === 0) {
      this.#passes(change, totalMs / 1_000)
      return
    }
    const decision =
      verdict.decision === 'hold' ? decisionFor(change, verdict, this.#policy) : verdict.decision
    const { door, dryRun } = change.request
    this.#decisions.inc({ verdict: decision, kind: change.kind, door, dry_run: String(dryRun) })
    this.#seconds.observe({ verdict: decision }, (totalMs - heldMs) / 1_000)
    if (heldMs > 0) this.#holdSeconds.observe(heldMs / 1_000)
    if (verdict.decision === 'unavailable') this.#unavailable.inc({ why: verdict.why })
    const findings = verdict.decision === 'allow' ? verdict.warnings : findingsOf(verdict)
    for (const { rule, effect } of findings) this.#findings.inc({ rule, effect })
  }

  #passes({ kind, request: { door, dryRun } }: Change, seconds: number): void {
    const last = this.#passed
    const isAlike = last?.kind === kind && last.door === door && last.dryRun === dryRun
    if (isAlike && last.seconds.length < mostPassed) {
      last.seconds.push(seconds)
      return
    }
    this.#countPassed()
    this.#passed = { kind, door, dryRun, seconds: [seconds] }
  }

  #countPassed(): void {
    if (!this.#passed) return
    const { kind, door, dryRun, seconds } = this.#passed
    this.#passed = undefined
    this.#decisions.inc({ verdict: 'allow', kind, door, dry_run: String(dryRun) }, seconds.length)
    for (const each of seconds) this.#seconds.observe({ verdict: 'allow' }, each)
  }
}
