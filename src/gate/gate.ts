import { type Act, actsOf, type Mark, passesByMark } from '../rules/acts.ts'
import type { Change } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { Admission, type AdmissionModules, type AdmissionOptions } from './admit.ts'
import { type Answer, answerTo } from './answer.ts'
import { isOnRecord, readChange, type Verdict } from './verdict.ts'
import { isEnforced } from './conflict-finding.ts'
import { type Attempt, type Changes, type HoldLimits, Holds } from './hold.ts'
import type { Decide, DecisionListener, Heard, Timing, WaitBudget } from './ports.ts'
import { PageQueue } from './page-queue.ts'
import { Lifetimes } from './reservation-book.ts'
import { Reserver, type ReserverModules, type ReserverOptions } from './reserve.ts'
import { Sweeper, type SweeperOptions } from './sweeper.ts'
import { TakeBack } from './take-back.ts'

/** What the operator decides about the gate. */
export interface GateOptions extends AdmissionOptions, HoldLimits, ReserverOptions, SweeperOptions {
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
interface GateModules extends Omit<AdmissionModules, 'holds' | 'reserver' | 'takeBack'> {
  /** See {@link ReserverModules.doubt}. */
  readonly doubt?: () => string | undefined
  /** Told of every change to the map and to the book, after it happened. */
  readonly changes: Changes
  readonly clock: Clock
  /** Told of what was decided. */
  readonly listeners: readonly DecisionListener[]
}

/** Where every requested write is decided, whatever door it comes through. */
export class Gate {
  readonly #options: GateOptions
  readonly #modules: GateModules
  readonly #holds: Holds
  readonly #lifetimes: Lifetimes
  readonly #admission: Admission
  readonly #sweeper: Sweeper

  constructor(options: GateOptions, modules: GateModules) {
    this.#options = options
    this.#modules = modules
    const { book, changes, clock } = modules
    const onProblem = (error: unknown): void => modules.onProblem('not-released', error)
    const queue = new PageQueue(book)
    this.#lifetimes = new Lifetimes(book, clock)
    this.#holds = new Holds(options, changes, clock)
    const lifetimes = this.#lifetimes
    // What is on its way to a disk that is taken away would be met by whoever has the disk next, who knows nothing of it.
    const stands: ReserverModules['stands'] = (conflict, { change, acts, policy }) =>
      isEnforced(conflict, change, acts.some(({ act }) => act === 'disk-removal') ? options.policy : policy)
    const reserver = new Reserver(options, { ...modules, queue, lifetimes, stands })
    const takeBack = new TakeBack({ ...modules, queue, onProblem })
    this.#admission = new Admission(options, { ...modules, holds: this.#holds, reserver, takeBack })
    this.#sweeper = new Sweeper(options, { ...modules, lifetimes, onProblem })
  }

  /** The number of requests that it holds now. */
  get holding(): number {
    return this.#holds.active
  }

  /**
   * Decides one change, and puts it on record, a denial before its answer. Never throws for a change that its door could
   * make. What does nothing of concern passes at once: that is nearly every write.
   */
  readonly decide: Decide = async (asked, wait) => {
    const { clock } = this.#modules
    const change: Change = { ...asked, request: { ...asked.request, askedAt: clock.now() } }
    const began = clock.monotonic()
    const acts = actsOf(change)
    const attempt =
      acts.length === 0
        ? passing(passesByMark(change))
        : await this.#admission.admit(readChange(change, acts, this.#options.policy), wait)
    const { verdict, heldMs = 0, release, isLate } = attempt
    const answer = this.#answer(change, verdict)
    const totalMs = clock.monotonic() - began
    const recorded = this.#tell(change, acts, verdict, { totalMs, heldMs }, wait)
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
    await this.#sweeper.stop()
  }

  /** In words and codes. An exception that was asked for in vain is worth a word of whatever passes, too. */
  #answer(change: Change, verdict: Verdict): Answer {
    const asksForException = (change.after ?? change.before).metadata.override !== undefined
    const passes = verdict.decision === 'allow' && verdict.warnings.length === 0 && !verdict.unjudged
    if (passes && !asksForException) return { allowed: true, warnings: [] }
    const { policy, retryAfterSeconds } = this.#options
    return answerTo(change, verdict, { policy, map: this.#modules.map, retryAfterSeconds })
  }

  /** @returns what is to be waited for until it is on record */
  #tell(
    change: Change,
    acts: readonly Act[],
    verdict: Verdict,
    timing: Timing,
    { budgetMs }: WaitBudget,
  ): Promise<unknown> | undefined {
    const patienceMs = Math.max(0, budgetMs - timing.totalMs) + this.#options.recordMs
    const heard = heardBy(acts, verdict, timing)
    const recording: Promise<void>[] = []
    for (const listener of this.#modules.listeners) {
      if (!heard.has(listener.hears ?? 'everything')) continue
      const recorded = listener.decided(change, verdict, timing, patienceMs)
      if (recorded) recording.push(recorded)
    }
    return recording.length > 0 ? Promise.all(recording) : undefined
  }
}

const all: ReadonlySet<Heard> = new Set(['everything', 'what-matters', 'what-is-on-record'])
const notOnRecord: ReadonlySet<Heard> = new Set(['everything', 'what-matters'])
const ofNoConcern: ReadonlySet<Heard> = new Set(['everything'])

function heardBy(acts: readonly Act[], verdict: Verdict, timing: Timing): ReadonlySet<Heard> {
  const passes = acts.length === 0 && verdict.decision === 'allow' && verdict.mark === undefined
  if (passes) return ofNoConcern
  return isOnRecord(verdict, timing) ? all : notOnRecord
}

function passing(mark: Mark | undefined): Pick<Attempt, 'verdict' | 'heldMs' | 'release' | 'isLate'> {
  return { verdict: { decision: 'allow', warnings: [], ...(mark && { mark }) } }
}
