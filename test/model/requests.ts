import type { Outcome } from '../../src/gate/ports.ts'
import type { Reservation } from '../../src/gate/reservation.ts'
import { type Change, nameOf } from '../../src/rules/change.ts'
import type { Blame } from './blame.ts'
import type { Phase, Proxied } from './phase.ts'
import type { Replica } from './replica.ts'
import type { Wish } from './request.ts'
import type { Scenario } from './scenario.ts'
import type { Step } from './step.ts'
import type { Store } from './store.ts'
import type { ModelTime } from './time.ts'

/** The API server's request timeout: it commits no write that was reviewed or forwarded longer ago. */
const requestTimeoutMs = 60_000

/** A reservation lasts longer than this by less than a second, so that time stops while it stands and after it. */
const longestMs = 71_000

/** The parts that requests need. */
export interface RequestsModules {
  readonly store: Store
  readonly time: ModelTime
  readonly replicas: readonly Replica[]
  readonly blame: Blame
  /** Called with each line of the trace. */
  readonly note: (line: string) => void
  /** Called with each broken promise. */
  readonly breaks: (what: string) => void
}

/** The wishes of clients, and how far each has come through doors and API server. */
export class Requests {
  readonly phases: Phase[]
  /** How often each wish was reviewed. */
  readonly reviews: number[]
  readonly #scenario: Scenario
  readonly #modules: RequestsModules
  readonly #asked = new Set<number>()
  /** The objects that were to be changed for real. */
  readonly #real = new Set<string>()

  constructor(scenario: Scenario, modules: RequestsModules) {
    this.#scenario = scenario
    this.#modules = modules
    this.phases = scenario.wishes.map(() => ({ at: 'wished' }))
    this.reviews = scenario.wishes.map(() => 0)
  }

  /** True if no request is on its way: a guard cannot foresee a fault of a copy after its decision. */
  get areCalm(): boolean {
    return this.phases.every(({ at }) => at === 'wished' || at === 'over')
  }

  /** Nothing is on its way, and nothing will be. */
  get areOver(): boolean {
    return this.phases.every(({ at }) => at === 'over')
  }

  /** True while this replica decides anything. */
  areReviewedBy({ id }: Replica): boolean {
    return this.phases.some((phase) => isReviewedBy(id, phase))
  }

  /** True while this replica may get a request, or a write that it has admitted is on its way. */
  need({ id }: Replica): boolean {
    return this.phases.some((phase) => {
      switch (phase.at) {
        case 'wished':
        case 'admitted':
          return true
        case 'reviewed':
          return phase.by === id
        case 'passing':
        case 'answered':
          return phase.proxied.by === id
        case 'over':
          return false
      }
    })
  }

  /** Each wish that can be reviewed now, by each replica. */
  *reviewSteps(): Iterable<Step> {
    for (const [at, wish] of this.#scenario.wishes.entries()) {
      if (this.phases[at]?.at !== 'wished' || wish.isDue?.(this.#modules.store) === false) continue
      for (const replica of this.#modules.replicas) {
        if (replica.crashed || this.#isTwin(replica)) continue
        const what = `${wish.what}: reviewed by replica ${replica.id}`
        yield { what, replica: replica.id, take: () => this.#review(at, wish, replica) }
      }
    }
  }

  /** Admitted writes are forwarded, committed, or answered. */
  *commitSteps(): Iterable<Step> {
    const { time } = this.#modules
    for (const [at, phase] of this.phases.entries()) {
      const wish = this.#scenario.wishes[at]
      if (!wish) continue
      if (phase.at === 'passing') yield this.#passStep(at, phase, wish)
      if (phase.at === 'answered') {
        const take = (): void => this.#end(at, phase.proxied)
        yield { what: `${wish.what}: answered by the proxy`, replica: phase.proxied.by, take }
      }
      if (phase.at === 'admitted' && time.now - phase.since <= requestTimeoutMs)
        yield this.#commitStep(at, phase, wish)
    }
  }

  /** A replica is gone with its requests. Those that it was still deciding are retried. */
  dropAllOf(id: number): void {
    for (const [at, phase] of this.phases.entries()) {
      const isReviewing = phase.at === 'reviewed' && phase.by === id
      const isPassing = (phase.at === 'passing' || phase.at === 'answered') && phase.proxied.by === id
      if (isReviewing) this.phases[at] = this.#askedAgain(at)
      if (isPassing) this.phases[at] = { at: 'over' }
    }
  }

  /** Drops writes that were on their way for too long. The proxy gets no answer, so its reservations stay. */
  dropLate(): void {
    const { now } = this.#modules.time
    for (const [at, phase] of this.phases.entries()) {
      if (phase.at === 'admitted' && now - phase.since > requestTimeoutMs) this.phases[at] = { at: 'over' }
    }
  }

  /** Checks that no wish waits that only clears flags, or that must be answered at once. */
  checkWaits(): void {
    const { replicas, breaks } = this.#modules
    const { wishes } = this.#scenario
    for (const [at, { what, clears }] of wishes.entries()) {
      if (clears && this.phases[at]?.at === 'reviewed') breaks(`${what} has to wait`)
    }
    for (const { id, gate, crashed } of replicas) {
      if (crashed || gate.holding === 0) continue
      const reviewed = wishes.filter((_, at) => isReviewedBy(id, this.phases[at]))
      if (gate.holding > reviewed.filter(({ waits }) => waits).length)
        breaks(`replica ${id} holds what must not wait: ${reviewed.map(({ what }) => what).join(' or ')}`)
    }
  }

  /** False for a reservation of a dry run. */
  isForReal({ kind, name }: Pick<Reservation, 'kind' | 'name'>): boolean {
    return this.#real.has(`${kind}/${name}`)
  }

  /** Two replicas of which nothing was asked yet are the same, so the first is asked first. */
  #isTwin({ id }: Replica): boolean {
    const { crash, older, namespaces } = this.#scenario
    const [first, second] = namespaces
    return id > 1 && !crash && !older && first === second && !this.#asked.has(id - 1)
  }

  #review(at: number, wish: Wish, replica: Replica): void {
    const { store, time } = this.#modules
    const reviews = (this.reviews[at] ?? 0) + 1
    this.reviews[at] = reviews
    this.#asked.add(replica.id)
    const wanted = wish.change(store, `${at}.${reviews}`)
    if (!wanted) {
      this.phases[at] = { at: 'over' }
      return
    }
    const change = this.#scenario.sabotage.asked?.(wanted) ?? wanted
    if (!wish.dryRun) this.#real.add(`${change.kind}/${nameOf(change)}`)
    if (!this.areReviewedBy(replica)) replica.asking.history = []
    // Of two that a replica is asked, the first comes first to the entry of both.
    replica.asking.history.push(wish.what)
    this.phases[at] = { at: 'reviewed', by: replica.id }
    const since = time.now
    const wait = { budgetMs: this.#scenario.budgetMs, signal: new AbortController().signal }
    const decided = replica.gate.decide(change, wait)
    void decided.then((decision) => this.#decided(at, wish, replica, { change, since, decision }))
  }

  #decided(
    at: number,
    wish: Wish,
    replica: Replica,
    {
      change,
      since,
      decision,
    }: { readonly change: Change; readonly since: number; readonly decision: Outcome },
  ): void {
    if (replica.crashed) return
    const { verdict } = decision
    const { note, breaks } = this.#modules
    replica.asking.history.push(`${wish.what}=${verdict.decision}`)
    note(`  ${wish.what}: ${verdict.decision}${'why' in verdict ? ` (${verdict.why})` : ''}`)
    if (wish.clears && verdict.decision !== 'allow') breaks(`${wish.what} is not allowed`)
    if (verdict.decision === 'allow' && !wish.dryRun)
      this.#modules.blame.admit(at, verdict.unjudged !== undefined)
    if (verdict.decision === 'allow' && !wish.dryRun)
      this.phases[at] = this.#admitted(wish, replica, change, since, decision) ?? this.#askedAgain(at)
    else
      this.phases[at] = verdict.decision === 'refuse' || wish.dryRun ? { at: 'over' } : this.#askedAgain(at)
    if (!this.areReviewedBy(replica)) replica.asking.history = []
  }

  /** @returns undefined for a write that a proxy judges again, since the object has changed meanwhile */
  #admitted(
    wish: Wish,
    { id }: Replica,
    change: Change,
    since: number,
    decision: Outcome,
  ): Phase | undefined {
    if (!wish.proxied) return { at: 'admitted', change, since }
    const { isLate, release } = decision
    const { store, time, note } = this.#modules
    const stored = store.find(change.kind, nameOf(change))
    if (stored?.metadata.resourceVersion !== change.before?.metadata.resourceVersion) {
      note(`  ${wish.what}: judged again, since the object has changed`)
      void release?.()
      return undefined
    }
    time.mark(longestMs)
    return { at: 'passing', change, since, proxied: { by: id, isLate, release } }
  }

  #askedAgain(at: number): Phase {
    return { at: (this.reviews[at] ?? 0) < this.#scenario.reviews ? 'wished' : 'over' }
  }

  /** The proxy goes on: it passes the write on, or finds that it is too late. */
  #passStep(at: number, { change, proxied }: Extract<Phase, { at: 'passing' }>, { what }: Wish): Step {
    const take = (): void => {
      const { time, note } = this.#modules
      const isLate = this.#scenario.sabotage.passesOnLate !== true && proxied.isLate?.() === true
      note(`  ${what}: ${isLate ? 'not passed on, since it is too late' : 'passed on'}`)
      if (isLate) this.#end(at, proxied)
      else this.phases[at] = { at: 'admitted', change, since: time.now, proxied }
    }
    return { what: `the proxy goes on with ${what}`, replica: proxied.by, take }
  }

  #end(at: number, { release }: Proxied): void {
    this.phases[at] = { at: 'over' }
    void release?.()
  }

  #commitStep(at: number, { change, proxied }: Extract<Phase, { at: 'admitted' }>, wish: Wish): Step {
    if (proxied) return this.#writeStep(at, proxied, wish)
    const stored = this.#modules.store.find(change.kind, nameOf(change))
    if (stored?.metadata.resourceVersion === change.before?.metadata.resourceVersion) {
      const take = (): void => {
        this.#commit(at, change)
        this.phases[at] = { at: 'over' }
      }
      return { what: `committed: ${wish.what}`, replica: undefined, take }
    }
    const take = (): void => void (this.phases[at] = this.#askedAgain(at))
    return { what: `${wish.what}: a conflict`, replica: undefined, take }
  }

  /** Longhorn's REST API makes the change on whatever version there is. */
  #writeStep(at: number, proxied: Proxied, wish: Wish): Step {
    const { store } = this.#modules
    const change = wish.change(store, `${at}.write`)
    const take = (): void => {
      if (change) this.#commit(at, change)
      this.phases[at] = { at: 'answered', proxied }
    }
    return { what: change ? `committed: ${wish.what}` : `${wish.what}: no change`, replica: undefined, take }
  }

  #commit(at: number, change: Change): void {
    const { store, blame } = this.#modules
    blame.commit(at, change)
    if (change.after) store.put(change.after)
    else store.remove(change.before)
  }
}

function isReviewedBy(id: number, phase: Phase | undefined): boolean {
  return phase?.at === 'reviewed' && phase.by === id
}
