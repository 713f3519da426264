import type { Audit, Timing } from '../gate/ports.ts'
import type { Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'

/** Several records of one decision. */
export class Audits implements Audit {
  readonly #audits: readonly Audit[]

  constructor(audits: readonly Audit[]) {
    this.#audits = audits
  }

  decided(change: Change, verdict: Verdict, timing: Timing, patienceMs: number): void | Promise<void> {
    const recording = this.#audits.flatMap(
      (audit) => audit.decided(change, verdict, timing, patienceMs) ?? [],
    )
    if (recording.length > 0) return Promise.all(recording).then(() => undefined)
  }
}
