import type { Logger } from 'pino'
import type { DecisionListener, Heard, Timing } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import { findingsOf, isOnRecord, type Verdict } from '../gate/verdict.ts'
import { isArming } from '../rules/acts.ts'
import { nameOf, type Change } from '../rules/change.ts'
import { Repeats } from './repeats.ts'

/**
 * Logs decisions, not requests: what is held, refused, warned about, or cannot be judged, and every arming change
 * that is admitted. The rest, which is nearly everything, appears at level debug only.
 */
export class DecisionLog implements DecisionListener {
  readonly hears: Heard
  readonly #log: Logger
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #hasRecords: boolean
  readonly #repeats = new Repeats()

  /** @param hasRecords true where records go into the same log: what is on record needs no second line there */
  constructor(log: Logger, clock: Pick<Clock, 'monotonic'>, hasRecords = false) {
    this.hears = log.isLevelEnabled('debug') ? 'everything' : 'what-matters'
    this.#log = log
    this.#clock = clock
    this.#hasRecords = hasRecords
  }

  decided(change: Change, verdict: Verdict, { totalMs, heldMs }: Timing): void {
    if (this.#hasRecords && isOnRecord(verdict, { heldMs })) return
    const mark = verdict.decision === 'allow' ? verdict.mark : undefined
    const plain = verdict.decision === 'allow' && verdict.warnings.length === 0 && mark === undefined
    const ordinary = plain && !isArming(change)
    if (ordinary && !this.#log.isLevelEnabled('debug')) return
    const findings = findingsOf(verdict)
    const { uid, actor, door, dryRun } = change.request
    const who = actor.username
    const rules = [...new Set(findings.map(({ rule }) => rule))]
    const key = [verdict.decision, change.kind, nameOf(change), change.operation, who, dryRun, ...rules].join(
      ' ',
    )
    const repeat = this.#repeats.see(key, this.#clock.monotonic())
    if (!repeat.told) return
    const fields = {
      uid,
      door,
      user: who,
      kind: change.kind,
      name: nameOf(change),
      operation: change.operation,
      dryRun,
      decision: verdict.decision,
      ...(verdict.decision === 'unavailable' ? { why: verdict.why } : {}),
      ...(mark ? { mark } : {}),
      rules,
      subjects: findings.slice(0, 10).flatMap(({ subjects }) => subjects),
      // Microseconds say enough.
      decisionMs: Math.round((totalMs - heldMs) * 1_000) / 1_000,
      ...(heldMs > 0 ? { heldMs: Math.round(heldMs) } : {}),
      ...(repeat.repeated > 0 ? { repeated: repeat.repeated } : {}),
    }
    this.#log[ordinary ? 'debug' : levels[verdict.decision]](fields, texts[verdict.decision])
  }
}

const levels = { allow: 'info', hold: 'warn', refuse: 'warn', unavailable: 'error' } as const

const texts: Readonly<Record<Verdict['decision'], string>> = {
  allow: 'change admitted',
  hold: 'change held back',
  refuse: 'change refused',
  unavailable: 'change cannot be judged',
}
