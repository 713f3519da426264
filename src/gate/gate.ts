import { type Act, actsOf, type Change, type Mark, passesByMark } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import { Admission, type AdmissionModules, type AdmissionOptions } from './admit.ts'
import { type Answer, answerTo } from './answer.ts'
import { isOnRecord, readChange, type Verdict } from './verdict.ts'
import { isEnforced } from './conflict-finding.ts'
import type { Attempt } from './attempt.ts'
import type { ChangeBus } from './change-bus.ts'
import { type HoldLimits, Holds } from './hold.ts'
import type { HeldChange } from './held-change.ts'
import type { Decide, DecideAtOnce, DecisionListener, DecisionScope, HoldListener, Timing } from './ports.ts'
import { EntryQueue } from './entry-queue.ts'
import { Lifetimes } from './reservation-book.ts'
import { RepeatedDenials } from './repeated-denials.ts'
import { Reserver, type ReserverModules, type ReserverOptions } from './reserve.ts'
import { Sweeper, type SweeperOptions } from './sweeper.ts'
import { TakeBack } from './take-back.ts'
import { aboutWait, type Waited, WaitingList } from './waiting-list.ts'

/** Options of the gate. */
export interface GateOptions extends AdmissionOptions, HoldLimits, ReserverOptions, SweeperOptions {
  /** Retry-After of a held request, in seconds. */
  readonly retryAfterSeconds: number
  /**
   * How long after its budget a denial may still wait for its record, in milliseconds. A hold uses all of its
   * budget, and a healthy disk needs a millisecond.
   */
  readonly recordMs: number
}

/** The limits without configuration. */
export const defaultGateOptions: Omit<GateOptions, 'policy' | 'replica' | 'process'> = {
  // A kind that was quiet for 90 s is listed again, so an older map means that something is wrong.
  maxAgeMs: 120_000,
  retryAfterSeconds: 2,
  maxHoldMs: 30_000,
  maxHolds: 64,
  // The API server's request timeout of 60 s, and some slack.
  commitMs: 70_000,
  // That slack: a decision takes a few round trips.
  passOnMs: 10_000,
  sweepMs: 30_000,
  // Longer than many requests need that are released together.
  tidyMs: 500,
  // The webhook gives the gate 250 ms more than its budget.
  recordMs: 150,
}

/** The parts of the gate. */
interface GateModules extends Omit<
  AdmissionModules,
  'holds' | 'waiting' | 'denials' | 'reserver' | 'takeBack' | 'onProblem'
> {
  /** See {@link ReserverModules.doubt}. */
  readonly doubt?: () => string | undefined
  /** Called after every change to the map and to the book. */
  readonly changes: ChangeBus
  readonly clock: Clock
  /** Called with each decision. */
  readonly listeners: readonly DecisionListener[]
  /** Hear of waits that begin and end. */
  readonly holdListeners?: readonly HoldListener[]
  /** Called with each error; `not-told`: from a listener of waits. */
  readonly onProblem: (what: Problem | 'not-told', error: unknown) => void
}

type Problem = Parameters<AdmissionModules['onProblem']>[0]

/** Decides every requested write, whatever its door. */
export class Gate {
  readonly #options: GateOptions
  readonly #modules: GateModules
  readonly #holds: Holds
  readonly #waiting: WaitingList
  readonly #lifetimes: Lifetimes
  readonly #admission: Admission
  readonly #takeBack: TakeBack
  readonly #sweeper: Sweeper
  /** The words of denials: one that is given again has the same. */
  readonly #answers = new WeakMap<Verdict, Answer>()

  constructor(options: GateOptions, modules: GateModules) {
    this.#options = options
    this.#modules = modules
    const { book, changes, clock } = modules
    const onProblem = (error: unknown): void => modules.onProblem('not-released', error)
    const queue = new EntryQueue(book)
    this.#lifetimes = new Lifetimes(book, clock)
    this.#holds = new Holds(options, changes, clock)
    this.#waiting = new WaitingList(options, {
      ...modules,
      listeners: modules.holdListeners ?? [],
      onProblem: (error) => modules.onProblem('not-told', error),
    })
    const lifetimes = this.#lifetimes
    // The next owner of a removed disk would meet pending changes on it without knowing of them.
    const stands: ReserverModules['stands'] = (conflict, { change, acts, policy }) =>
      isEnforced(conflict, change, acts.some(({ act }) => act === 'disk-removal') ? options.policy : policy)
    const reserver = new Reserver(options, { ...modules, queue, lifetimes, stands })
    this.#takeBack = new TakeBack({ ...modules, queue, onProblem })
    this.#admission = new Admission(options, {
      ...modules,
      holds: this.#holds,
      waiting: this.#waiting,
      denials: new RepeatedDenials(changes, clock),
      reserver,
      takeBack: this.#takeBack,
    })
    this.#sweeper = new Sweeper(options, { ...modules, lifetimes, onProblem })
  }

  /** The number of requests that it holds now. */
  get holding(): number {
    return this.#holds.active
  }

  /** The changes that wait, with user and causes, the longest first. At most `maxHolds`. */
  holds(): readonly HeldChange[] {
    return this.#waiting.list()
  }

  /**
   * Decides one change, and records it, a denial before its answer. It never throws for a change that its
   * door could make. A change without concern passes at once: that is almost every write.
   */
  readonly decide: Decide = async (asked, wait) => {
    const { clock } = this.#modules
    const began = clock.monotonic()
    const change = this.#received(asked)
    const acts = actsOf(change)
    const attempt =
      acts.length === 0
        ? passing(passesByMark(change))
        : await this.#admission.admit(readChange(change, acts, this.#options.policy), wait)
    const { verdict, heldMs = 0, release, isLate, waited } = attempt
    const answer = this.#answer(change, verdict, waited)
    const totalMs = clock.monotonic() - began
    const recorded = this.#notify(change, acts, verdict, { totalMs, heldMs }, wait.budgetMs)
    // An allowed change waits for no record, and a denial without a record does not wait for a turn of the
    // event loop.
    if (recorded && !answer.allowed) await recorded
    return release ? { verdict, answer, release, isLate } : { verdict, answer }
  }

  /** Decides without a wait, or leaves it to `decide`. A change that passes by a mark goes there, since recording takes time. */
  readonly decideAtOnce: DecideAtOnce = (asked) => {
    const { clock } = this.#modules
    const began = clock.monotonic()
    const acts = actsOf(asked)
    if (acts.length === 0 && passesByMark(asked)) return undefined
    const { verdict } = acts.length === 0 ? passing(undefined) : { verdict: this.#admission.repeated(asked) }
    if (!verdict) return undefined
    const change = this.#received(asked)
    const answer = this.#answer(change, verdict)
    const totalMs = clock.monotonic() - began
    const timing: Timing = answer.allowed ? { totalMs, heldMs: 0 } : { totalMs, heldMs: 0, isRepeated: true }
    const recorded = this.#notify(change, acts, verdict, timing, 0)
    const outcome = { verdict, answer }
    return recorded && !answer.allowed ? recorded.then(() => outcome) : outcome
  }

  /** Answers all held requests, and holds none from now on; it still decides. */
  stopHolding(): void {
    this.#holds.stop()
  }

  /** Call it after the doors have ended. It answers all held requests, and resolves once nothing is being given back. */
  async stop(): Promise<void> {
    this.stopHolding()
    this.#lifetimes.stop()
    await Promise.all([this.#sweeper.stop(), this.#takeBack.stop()])
  }

  #received(asked: Change): Change {
    return { ...asked, request: { ...asked.request, askedAt: this.#modules.clock.now() } }
  }

  /** Words and codes. A refused override is mentioned even if the change passes. */
  #answer(change: Change, verdict: Verdict, waited?: Waited): Answer {
    const asksForException = (change.after ?? change.before).metadata.override !== undefined
    const passes = verdict.decision === 'allow' && verdict.warnings.length === 0 && !verdict.unjudged
    const waitWarnings = verdict.decision === 'allow' && waited ? aboutWait(waited) : []
    if (passes && !asksForException) return { allowed: true, warnings: waitWarnings }
    const known = this.#answers.get(verdict)
    if (known) return known
    const { policy, retryAfterSeconds } = this.#options
    const answer = answerTo(change, verdict, { policy, map: this.#modules.map, retryAfterSeconds })
    if (!answer.allowed) this.#answers.set(verdict, answer)
    return waitWarnings.length === 0 ? answer : { ...answer, warnings: [...waitWarnings, ...answer.warnings] }
  }

  /** @returns the promise to wait for until it is recorded */
  #notify(
    change: Change,
    acts: readonly Act[],
    verdict: Verdict,
    timing: Timing,
    budgetMs: number,
  ): Promise<unknown> | undefined {
    const withinMs = Math.max(0, budgetMs - timing.totalMs) + this.#options.recordMs
    const scopes = scopesOf(acts, verdict, timing)
    const recording: Promise<void>[] = []
    for (const listener of this.#modules.listeners) {
      if (!scopes.has(listener.scope ?? 'everything')) continue
      const recorded = listener.decided(change, verdict, timing, withinMs)
      if (recorded) recording.push(recorded)
    }
    return recording.length > 0 ? Promise.all(recording) : undefined
  }
}

const all: ReadonlySet<DecisionScope> = new Set(['everything', 'what-matters', 'what-is-on-record'])
const notOnRecord: ReadonlySet<DecisionScope> = new Set(['everything', 'what-matters'])
const ofNoConcern: ReadonlySet<DecisionScope> = new Set(['everything'])

function scopesOf(acts: readonly Act[], verdict: Verdict, timing: Timing): ReadonlySet<DecisionScope> {
  const passes = acts.length === 0 && verdict.decision === 'allow' && verdict.mark === undefined
  if (passes) return ofNoConcern
  return isOnRecord(verdict, timing) ? all : notOnRecord
}

function passing(
  mark: Mark | undefined,
): Pick<Attempt, 'verdict' | 'heldMs' | 'release' | 'isLate' | 'waited'> {
  return { verdict: { decision: 'allow', warnings: [], ...(mark && { mark }) } }
}
