import type { Audit, Timing } from '../gate/ports.ts'
import type { Verdict } from '../gate/verdict.ts'
import type { Change } from '../rules/change.ts'

/** Several records of one decision. */
export class Audits implements Audit {
  readonly #audits: readonly Audit[]

  constructor(audits: readonly Audit[]) {
    this.#audits = audits
  }

  decided(change: Change, verdict: Verdict, timing: Timing): void {
    for (const audit of this.#audits) audit.decided(change, verdict, timing)
  }
}
