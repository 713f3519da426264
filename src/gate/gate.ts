import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import { actsOf } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import { isImpatient } from '../rules/impatient.ts'
import { policyFor } from '../rules/override.ts'
import { answerTo } from './answer.ts'
import { Attempts, type AttemptModules, type AttemptOptions } from './attempts.ts'
import type { Changes } from './changes.ts'
import { isEnforced } from './conflict-finding.ts'
import type { Decision } from './decision.ts'
import { Holds, type Held, type HoldLimits, type Patience } from './holds.ts'
import { Lifetimes } from './lifetimes.ts'
import type { Audit, Clock } from './ports.ts'
import type { ReservationBook } from './reservation-book.ts'
import { Reserver, type ReserverModules, type ReserverOptions } from './reserve.ts'
import { Settler, type SettlerOptions } from './settler.ts'
import { onAbort } from './on-abort.ts'

/** What the operator decides about the gate. */
export interface GateOptions extends AttemptOptions, HoldLimits, ReserverOptions, SettlerOptions {
  /** What a held request is told to wait before it comes again, in seconds. */
  readonly retryAfterSeconds: number
  /**
   * So long after its budget a denial may still wait for its record, in milliseconds: a hold uses all of its budget, and
   * a disk that is well needs a millisecond.
   */
  readonly recordMs: number
}

/** The limits without configuration. */
export const defaultGateOptions: Omit<GateOptions, 'policy' | 'replica' | 'process'> = {
  // What was quiet for 90 s is listed anew, so this means that something is wrong.
  maxAgeMs: 120_000,
  retryAfterSeconds: 2,
  maxHoldMs: 30_000,
  maxHolds: 64,
  // The API server's request timeout of 60 s, and some slack.
  commitMs: 70_000,
  // That slack: deciding takes a few round trips.
  passOnMs: 10_000,
  sweepMs: 30_000,
  // Longer than many requests that are released together take.
  tidyMs: 500,
  // The webhook gives the gate 250 ms more than its budget.
  recordMs: 150,
}

/** What the gate works with. */
export interface GateModules extends Omit<AttemptModules, 'reserver'> {
  readonly map: DiskMapView
  readonly book: ReservationBook
  /** See {@link ReserverModules.doubt}. */
  readonly doubt?: () => string | undefined
  /** Told of every change to the map and to the book, after it happened. */
  readonly changes: Changes
  readonly clock: Clock
  readonly audit: Audit
}

/** Where every requested write is decided, whatever door it comes through. */
export class Gate {
  readonly #options: GateOptions
  readonly #modules: GateModules
  readonly #attempts: Attempts
  readonly #holds: Holds
  readonly #settler: Settler
  readonly #lifetimes: Lifetimes

  constructor(options: GateOptions, modules: GateModules) {
    this.#options = options
    this.#modules = modules
    const { changes, clock, onProblem } = modules
    // What is on its way to a disk that is taken away would be met by whoever has the disk next, who knows nothing of it.
    const stands: ReserverModules['stands'] = (conflict, change) =>
      isEnforced(conflict, change, takesDisks(change) ? options.policy : policyFor(change, options.policy))
    const lifetimes = new Lifetimes(modules.book, clock)
    this.#lifetimes = lifetimes
    const reserver = new Reserver(options, { ...modules, lifetimes, stands })
    this.#attempts = new Attempts(options, { ...modules, reserver })
    this.#holds = new Holds(options, changes, clock)
    this.#settler = new Settler(options, {
      ...modules,
      lifetimes,
      onProblem: (error) => onProblem('not-released', error),
    })
  }

  /** How many changes are held now. */
  get holding(): number {
    return this.#holds.active
  }

  /** Decides one change and puts it on record, a denial before its answer. Never throws for a change that its door could make. */
  async decide(asked: Change, patience: Patience): Promise<Decision> {
    const { clock, audit } = this.#modules
    const change: Change = { ...asked, request: { ...asked.request, askedAt: clock.now() } }
    const beginning = clock.monotonic()
    const { verdict, heldMs, release, isLate } = await this.#verdict(change, patience)
    const { policy, retryAfterSeconds, recordMs } = this.#options
    const answer = answerTo(change, verdict, { policy, retryAfterSeconds })
    const totalMs = clock.monotonic() - beginning
    const patienceMs = Math.max(0, patience.budgetMs - totalMs) + recordMs
    const recorded = audit.decided(change, verdict, { totalMs, heldMs }, patienceMs)
    // What is allowed waits for no record, and a denial that has none waits for no turn of the event loop.
    if (recorded && !answer.allowed) await recorded
    return release ? { verdict, answer, release, isLate } : { verdict, answer }
  }

  /** Answers whatever is held, and holds nothing from now on; decides all the same. */
  stopHolding(): void {
    this.#holds.stop()
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.stopHolding()
    this.#lifetimes.stop()
    await this.#settler.stop()
  }

  async #verdict(change: Change, { budgetMs, signal, mayHold = true }: Patience): Promise<Held> {
    const { clock } = this.#modules
    const known = this.#attempts.judge(change)
    const { actor, dryRun } = change.request
    // Waiting would block a worker of Longhorn's controllers, or hang a button of its UI (longhorn.md §3). And a dry run
    // changes nothing, so there is nothing to hold back.
    const waits = mayHold && !dryRun && !isImpatient(actor, this.#options.policy)
    if (known && (known.verdict.decision !== 'hold' || !waits)) return { verdict: known.verdict, heldMs: 0 }
    const asking = new AbortController()
    const giveUp = (): void => asking.abort(new Error('the time for a decision is up'))
    const cancel = clock.setTimer(budgetMs, giveUp)
    const forget = onAbort(signal, giveUp)
    try {
      const patience = { budgetMs: waits ? budgetMs : 0, signal }
      const attempt = () => this.#attempts.attempt(change, asking.signal)
      const mayWait = () => this.#attempts.mayWait(change, asking.signal)
      const caller = change.request.actor.username
      return await this.#holds.until(attempt, patience, { caller, mayWait })
    } finally {
      cancel()
      forget()
    }
  }
}

function takesDisks(change: Change): boolean {
  return actsOf(change).some(({ act }) => act === 'disk-removal')
}
