import type { DecisionListener, Timing } from '../gate/ports.ts'
import type { Clock } from '../time/clock.ts'
import type { Verdict } from '../gate/verdict.ts'
import { isArming } from '../rules/acts.ts'
import { nameOf, type Change } from '../rules/change.ts'
import { plainLine } from '../text/plain-text.ts'
import { Repeats } from './repeats.ts'

/**
 * Tells a person at a terminal what is decided: one short line for each change of concern, repeated ones only now
 * and then.
 */
export class DecisionLines implements DecisionListener {
  readonly #write: (line: string) => void
  readonly #clock: Pick<Clock, 'now'>
  readonly #repeats = new Repeats()

  constructor(write: (line: string) => void, clock: Pick<Clock, 'now'>) {
    this.#write = write
    this.#clock = clock
  }

  decided(change: Change, verdict: Verdict, { heldMs }: Pick<Timing, 'heldMs'>): void {
    const plain = verdict.decision === 'allow' && verdict.warnings.length === 0 && verdict.mark === undefined
    if (plain && !isArming(change)) return
    const { actor, dryRun } = change.request
    const now = this.#clock.now()
    const what = `${change.operation} of ${change.kind} ${nameOf(change)} by ${actor.username}`
    const line = plainLine(
      `${words[verdict.decision]}: ${what}${dryRun ? ' (dry run)' : ''}${wait(verdict, heldMs)}${why(verdict)}`,
    )
    const repeat = this.#repeats.see(line, now)
    if (!repeat.told) return
    const again = repeat.repeated > 0 ? `, ${repeat.repeated} times more since the last line` : ''
    this.#write(`${new Date(now).toISOString().slice(11, 19)} ${line}${again}`)
  }
}

const words: Readonly<Record<Verdict['decision'], string>> = {
  allow: 'admitted',
  hold: 'held back',
  refuse: 'refused',
  unavailable: 'cannot be judged',
}

/** What was admitted in the end may have waited within its request; a hold that is answered speaks for itself. */
function wait({ decision }: Verdict, heldMs: number): string {
  return decision === 'allow' && heldMs >= 500 ? `, held back for ${Math.round(heldMs / 1_000)} s first` : ''
}

function why(verdict: Verdict): string {
  switch (verdict.decision) {
    case 'hold':
    case 'refuse':
      return `, by ${[...new Set(verdict.objections.map(({ rule }) => rule))].join(', ')}`
    case 'unavailable':
      return `: ${verdict.why}`
    case 'allow':
      if (verdict.mark) return ', since the uninstaller of Longhorn has marked it'
      return verdict.warnings.length > 0
        ? `, warned by ${[...new Set(verdict.warnings.map(({ rule }) => rule))].join(', ')}`
        : ''
  }
}
