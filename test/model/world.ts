import { setImmediate } from 'node:timers/promises'
import type { Decision } from '../../src/gate/decision.ts'
import type { Change } from '../../src/rules/change.ts'
import { clockSteps } from './clock-steps.ts'
import { deliverySteps } from './deliveries.ts'
import { controllerSteps } from './longhorn.ts'
import { safeImages } from './promises.ts'
import { Readers } from './readers.ts'
import { Replica } from './replica.ts'
import type { Wish } from './request.ts'
import { releases, type Scenario } from './scenario.ts'
import type { Phase } from './phase.ts'
import { doings, stateText } from './state-text.ts'
import type { Step } from './step.ts'
import { Store } from './store.ts'
import { ModelTime } from './time.ts'

/** The API server's request timeout: what was reviewed longer ago is not committed any more. */
const requestTimeoutMs = 60_000

/** One cluster with two replicas of the guard, and everything that can happen in it, step by step. */
export class World {
  readonly time = new ModelTime()
  readonly store = new Store(this.time)
  readonly replicas: Replica[]
  /** What has happened so far, a line for each step. */
  readonly trace: string[] = []
  /** What is broken, if anything. */
  broken: string | undefined
  readonly #scenario: Scenario
  readonly #hasNoSources: boolean
  readonly #phases: Phase[]
  readonly #reviews: number[]
  readonly #asked = new Set<number>()
  readonly #readers: Readers
  #jumps = 0
  #outages = 0
  #told: number | undefined
  #crashing: readonly string[]

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    for (const object of scenario.objects) this.store.put(object)
    const { profile, sabotage } = scenario
    this.replicas = [1, 2].map(
      (id) => new Replica({ id, process: 0 }, this.store, this.time, releases[profile], sabotage),
    )
    this.#hasNoSources =
      scenario.objects.every(({ kind }) => kind !== 'BackingImageDataSource') &&
      scenario.wishes.every(({ what }) => !what.startsWith('first file'))
    this.#phases = scenario.wishes.map(() => ({ at: 'wished' }))
    this.#reviews = scenario.wishes.map(() => 0)
    this.#readers = new Readers(this.store, this.time, profile)
    this.#crashing = this.#readers.crashes()
  }

  /**
   * All that can happen next, always in the same order. What a replica is told matters to nobody else, so it is told
   * only right before that replica does something: every other order leads to the same states.
   */
  steps(): Step[] {
    const all = [
      ...this.#reviewSteps(),
      ...this.replicas.flatMap((replica) => this.#operationSteps(replica)),
      ...this.#commitSteps(),
      ...this.replicas
        .filter((replica) => this.#isNeeded(replica))
        .flatMap((replica) => [...deliverySteps(replica)]),
      ...controllerSteps(this.store, this.#scenario.flaky && this.#isCalm()),
      ...this.#crashSteps(),
      ...this.#restartSteps(),
      ...(this.#scenario.steps ? clockSteps(this.replicas, this.time) : []),
      ...this.#outageSteps(),
      ...this.#timeSteps(),
    ]
    // Nothing else can change what such a read brings, so when it is made is all the same.
    const settled = all.find(({ what }) => what.endsWith('list data sources') && this.#hasNoSources)
    if (settled) return [settled]
    const told = this.#told
    return told === undefined ? all : all.filter(({ replica }) => replica === told)
  }

  /** Takes a step, and lets the replicas do what they do of themselves. */
  async take(step: Step): Promise<void> {
    const commits = step.what.startsWith('committed')
    const safeBefore = commits ? safeImages(this.store) : undefined
    this.trace.push(step.what)
    this.#told = step.tells ? step.replica : undefined
    const before = doings(this.replicas, this.#phases, step.replica)
    step.take()
    if (step.replica !== undefined) await setImmediate()
    // What it was told made it do something by itself, and others may come before whatever it does next.
    if (doings(this.replicas, this.#phases, step.replica) !== before) this.#told = undefined
    // A replica by itself changes no object.
    if (step.replica === undefined) this.#check(safeBefore)
    for (const [at, { what, clears }] of this.#scenario.wishes.entries()) {
      if (clears && this.#phases[at]?.at === 'reviewed') this.broken ??= `${what} has to wait`
    }
  }

  /** The state in a text: equal texts have equal futures. */
  state(): string {
    const { store, replicas, time } = this
    const rest = [
      time.pending(),
      replicas.map(({ id }) => time.wrongBy(id)),
      this.#jumps,
      this.#outages,
      this.#told,
      this.#reviews,
      this.#readers.inHand(),
      ...replicas.map((replica) => replica.remembers(this.#readers.since)),
    ].map(String)
    return [stateText(store, replicas, this.#phases, time.now), ...rest].join('\n')
  }

  #check(safeBefore: ReadonlySet<string> | undefined): void {
    const now = this.#readers.crashes()
    const fresh = now.find((each) => !this.#crashing.includes(each))
    if (fresh !== undefined) this.broken ??= fresh
    this.#crashing = now
    if (!safeBefore) return
    const safe = safeImages(this.store)
    const lost = [...safeBefore].find((image) => !safe.has(image))
    if (lost !== undefined) this.broken ??= `${lost} loses its last usable copy`
  }

  *#reviewSteps(): Iterable<Step> {
    for (const [at, wish] of this.#scenario.wishes.entries()) {
      if (this.#phases[at]?.at !== 'wished') continue
      for (const replica of this.replicas) {
        if (replica.crashed || this.#isTwin(replica)) continue
        const what = `${wish.what}: reviewed by replica ${replica.id}`
        yield { what, replica: replica.id, take: () => this.#review(at, wish, replica) }
      }
    }
  }

  /** Two replicas of which nothing was asked yet are the same, so the first is asked first. */
  #isTwin({ id }: Replica): boolean {
    return id > 1 && !this.#scenario.crash && !this.#asked.has(id - 1)
  }

  #review(at: number, wish: Wish, replica: Replica): void {
    const reviews = (this.#reviews[at] ?? 0) + 1
    this.#reviews[at] = reviews
    this.#asked.add(replica.id)
    const change = wish.change(this.store, `${at}.${reviews}`)
    if (!change) {
      this.#phases[at] = { at: 'over' }
      return
    }
    this.#phases[at] = { at: 'reviewed', by: replica.id }
    const since = this.time.now
    const patience = { budgetMs: this.#scenario.budgetMs, signal: new AbortController().signal }
    const decided = replica.gate.decide(change, patience)
    void decided.then((decision) => this.#decided(at, wish, replica, change, since, decision))
  }

  #decided(
    at: number,
    wish: Wish,
    replica: Replica,
    change: Change,
    since: number,
    { verdict }: Decision,
  ): void {
    if (replica.crashed) return
    replica.history.push(`${wish.what}=${verdict.decision}`)
    this.trace.push(`  ${wish.what}: ${verdict.decision}${'why' in verdict ? ` (${verdict.why})` : ''}`)
    if (wish.clears && verdict.decision !== 'allow') this.broken ??= `${wish.what} is not allowed`
    const again = verdict.decision !== 'refuse' && (this.#reviews[at] ?? 0) < this.#scenario.reviews
    if (verdict.decision === 'allow' && !wish.dryRun) this.#phases[at] = { at: 'admitted', change, since }
    else this.#phases[at] = { at: again && !wish.dryRun ? 'wished' : 'over' }
    if (!this.#phases.some((phase) => phase.at === 'reviewed' && phase.by === replica.id))
      replica.history = []
  }

  #operationSteps(replica: Replica): Step[] {
    if (replica.crashed) return []
    return replica.operations.flatMap(({ what, answer, lose }) => {
      const step = {
        what: `replica ${replica.id}: ${what}`,
        replica: replica.id,
        take: () => this.#operate(what, answer),
      }
      if (!this.#scenario.losses || !what.startsWith('swap')) return [step]
      return [step, { ...step, what: `${step.what}, and the answer is lost`, take: lose }]
    })
  }

  /** A dry run that writes, writes for an object that nobody wants to change for real. */
  #operate(what: string, answer: () => void): void {
    if (what.startsWith('swap') && this.#scenario.wishes.every(({ dryRun }) => dryRun)) {
      this.broken ??= 'a dry run has written'
    }
    answer()
  }

  *#commitSteps(): Iterable<Step> {
    for (const [at, phase] of this.#phases.entries()) {
      if (phase.at !== 'admitted') continue
      const wish = this.#scenario.wishes[at]?.what ?? ''
      if (this.time.now - phase.since <= requestTimeoutMs) {
        yield this.#commitStep(at, phase.change, wish)
      }
    }
  }

  #commitStep(at: number, change: Change, wish: string): Step {
    const { kind, after, before } = change
    const stored = this.store.find(kind, (after ?? before).metadata.name)
    if (stored?.metadata.resourceVersion === before?.metadata.resourceVersion && after) {
      const take = (): void => {
        this.store.put(after)
        this.#phases[at] = { at: 'over' }
      }
      return { what: `committed: ${wish}`, replica: undefined, take }
    }
    const again = (this.#reviews[at] ?? 0) < this.#scenario.reviews
    const take = (): void => void (this.#phases[at] = { at: again ? 'wished' : 'over' })
    return { what: `${wish}: a conflict`, replica: undefined, take }
  }

  /** Nothing is on its way. What befalls a copy after it was judged cannot be foreseen by anybody. */
  #isCalm(): boolean {
    return this.#phases.every(({ at }) => at === 'wished' || at === 'over')
  }

  /** Nobody needs to hear anything who will not be asked any more. */
  #isNeeded(replica: Replica): boolean {
    if (replica.crashed) return false
    if (replica.operations.length > 0) return true
    return this.#phases.some(
      (phase) =>
        phase.at === 'wished' ||
        phase.at === 'admitted' ||
        (phase.at === 'reviewed' && phase.by === replica.id),
    )
  }

  *#crashSteps(): Iterable<Step> {
    if (!this.#scenario.crash || this.replicas.some(({ crashed }) => crashed)) return
    for (const replica of this.replicas) {
      yield { what: `replica ${replica.id} crashes`, replica: undefined, take: () => this.#crash(replica) }
    }
  }

  #crash(replica: Replica): void {
    replica.crashed = true
    this.time.forget(replica.id)
    for (const [at, phase] of this.#phases.entries()) {
      if (phase.at === 'reviewed' && phase.by === replica.id) this.#phases[at] = { at: 'over' }
    }
  }

  /** Once, since what it takes is one process that has forgotten what the one before it has done. */
  *#restartSteps(): Iterable<Step> {
    if (!this.#scenario.restarts || this.replicas.some(({ process }) => process > 0)) return
    for (const replica of this.replicas) {
      const take = (): void => this.#restart(replica)
      yield { what: `replica ${replica.id} restarts`, replica: undefined, take }
    }
  }

  #restart(before: Replica): void {
    this.#crash(before)
    const { profile, sabotage } = this.#scenario
    const process = { id: before.id, process: before.process + 1 }
    this.replicas[before.id - 1] = new Replica(process, this.store, this.time, releases[profile], sabotage)
  }

  /** All watches break and come back. The replicas notice, and list anew: what was in between they do not see. */
  *#outageSteps(): Iterable<Step> {
    if (this.#outages >= this.#scenario.outages) return
    const take = (): void => {
      this.#outages += 1
      this.#readers.breakWatches()
      for (const replica of this.replicas) if (!replica.crashed) replica.relist()
    }
    yield { what: 'all watches break and come back', replica: undefined, take }
  }

  *#timeSteps(): Iterable<Step> {
    if (this.#jumps >= this.#scenario.jumps) return
    const [next = 0] = this.time.pending()
    const replica = this.#told ?? 0
    yield { what: `${next / 1_000} s pass`, replica, take: () => this.#jump() }
  }

  #jump(): void {
    this.#jumps += 1
    this.time.jump()
    for (const [at, phase] of this.#phases.entries()) {
      if (phase.at === 'admitted' && this.time.now - phase.since > requestTimeoutMs)
        this.#phases[at] = { at: 'over' }
    }
  }
}
