import { setImmediate } from 'node:timers/promises'
import { Blame } from './blame.ts'
import { clockSteps } from './clock-steps.ts'
import { deliverySteps } from './deliveries.ts'
import { happeningSteps } from './happenings.ts'
import { controllerSteps } from './longhorn.ts'
import { worths, type Crash, type Worth } from './promises.ts'
import { Readers } from './readers.ts'
import { Replica } from './replica.ts'
import { Requests } from './requests.ts'
import { releases, type Scenario } from './scenario.ts'
import { doings, stateText } from './state-text.ts'
import type { Step } from './step.ts'
import { Store } from './store.ts'
import { ModelTime } from './time.ts'

/** One cluster with two replicas of the guard, and everything that can happen in it, step by step. */
export class World {
  readonly time = new ModelTime()
  readonly store = new Store(this.time)
  readonly replicas: Replica[]
  /** The steps so far, a line for each. */
  readonly trace: string[] = []
  /** The broken promise, if any. */
  broken: string | undefined
  readonly #scenario: Scenario
  readonly #hasNoSources: boolean
  readonly #requests: Requests
  readonly #readers: Readers
  #jumps = 0
  #outages = 0
  #informed: number | undefined
  #crashing: readonly Crash[]
  readonly #blame: Blame
  /** Those of the scenario that have happened, by their place there. */
  readonly #happened = new Set<number>()

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    for (const object of scenario.objects) this.store.put(object)
    this.replicas = [1, 2].map((id) => this.#replica(id, 0))
    this.#hasNoSources =
      scenario.objects.every(({ kind }) => kind !== 'BackingImageDataSource') &&
      scenario.wishes.every(({ what }) => !what.includes('first file'))
    this.#blame = new Blame(scenario.wishes)
    this.#requests = new Requests(scenario, {
      ...{ store: this.store, time: this.time, replicas: this.replicas, blame: this.#blame },
      note: (line) => this.trace.push(line),
      breaks: (what) => (this.broken ??= what),
    })
    this.#readers = new Readers(this.store, this.time, scenario.profile)
    this.#crashing = this.#readers.crashes()
  }

  /**
   * All possible next steps, always in the same order. A delivery to a replica matters to no other replica, so it comes
   * only right before that replica acts: every other order leads to the same states.
   */
  steps(): Step[] {
    const all = [
      ...this.#requests.reviewSteps(),
      ...this.replicas.flatMap((replica) => this.#operationSteps(replica)),
      ...this.#requests.commitSteps(),
      ...this.replicas
        .filter((replica) => this.#isNeeded(replica))
        .flatMap((replica) => [...deliverySteps(replica)]),
      ...controllerSteps(this.store, this.#scenario.flaky && this.#requests.areCalm),
      ...happeningSteps(this.#scenario.happenings, this.#happened, this.store),
      ...this.#crashSteps(),
      ...this.#restartSteps(),
      ...(this.#scenario.steps ? clockSteps(this.replicas, this.time) : []),
      ...this.#outageSteps(),
      ...this.#timeSteps(),
    ]
    // No other step can change the result of such a read, so its order does not matter.
    const settled = all.find(({ what }) => what.endsWith('list BackingImageDataSource') && this.#hasNoSources)
    if (settled) return [settled]
    const informed = this.#informed
    return informed === undefined ? all : all.filter(({ replica }) => replica === informed)
  }

  /**
   * True once no promise can be broken: every wish is over, and Longhorn has done all that follows. Files that come and
   * go, outages and passing time combine no two versions that were not checked before. Dry runs alone go on, since they
   * might still write later.
   */
  get isOver(): boolean {
    if (!this.#requests.areOver) return false
    if (this.#scenario.wishes.every(({ dryRun }) => dryRun)) return false
    return controllerSteps(this.store, false).next().done === true
  }

  /** Takes a step, and lets the replicas do what they do of themselves. */
  async take(step: Step): Promise<void> {
    const commits = step.what.startsWith('committed')
    const worthBefore = commits ? worths(this.store, this.time.now) : undefined
    this.trace.push(step.what)
    this.#informed = step.informs ? step.replica : undefined
    const doing = (): string => doings(this.replicas, this.#requests.phases, step.replica)
    const before = step.informs ? doing() : ''
    step.take()
    if (step.replica !== undefined) await setImmediate()
    this.#remember(step)
    // The delivery made the replica act by itself, and steps of others may come before its next one.
    if (step.informs && doing() !== before) this.#informed = undefined
    // A replica by itself changes no object.
    if (step.replica === undefined) this.#check(worthBefore)
    else this.#checkReserved()
    this.#requests.checkWaits()
  }

  /**
   * The deliveries during a decision, and their order, may change the replica's next step. Its later steps follow from
   * its knowledge by then.
   */
  #remember({ what, replica: id, informs }: Step): void {
    const isTime = what.endsWith(' s pass')
    for (const replica of this.replicas) {
      if (replica.id !== id && !isTime) continue
      const { asking } = replica
      if (asking.operations.length === 0 && !this.#requests.areReviewedBy(replica)) asking.history = []
      else if (informs === true || isTime) asking.history.push(what)
    }
  }

  /** The state in a text: equal texts have equal futures. */
  state(): string {
    const { store, replicas, time } = this
    const rest = [
      time.shown(),
      replicas.map(({ id }) => time.wrongBy(id)),
      this.#jumps,
      this.#outages,
      this.#informed,
      this.#requests.reviews,
      [...this.#happened].toSorted(),
      this.#blame.shown(),
      this.#readers.inHand(),
      ...replicas.map((replica) => replica.remembers(this.#readers.since)),
    ].map(String)
    return [stateText(store, replicas, this.#requests.phases, time.now), ...rest].join('\n')
  }

  /** A process of a replica. After a restart it has the present version, whatever it had before. */
  #replica(id: number, process: number): Replica {
    const { profile, namespaces, older, sabotage } = this.#scenario
    const [first, second] = namespaces
    return new Replica(
      {
        ...{ id, process, release: releases[profile], sabotage },
        namespace: id === 1 ? first : second,
        anchored: first !== second && sabotage.unanchored !== true,
        older: older && id === 1 && process === 0,
      },
      this.store,
      this.time,
    )
  }

  #check(worthBefore: ReadonlyMap<string, Worth> | undefined): void {
    const crashing = this.#readers.crashes()
    for (const { what, node, image } of crashing) {
      const isFresh = !this.#crashing.some((each) => each.what === what && each.image === image)
      if (isFresh && !this.#blame.isKnown(node, image)) this.broken ??= what
    }
    this.#crashing = crashing
    if (!worthBefore) return
    const { happenings, steps } = this.#scenario
    // A guard cannot foresee a loss while a clean-up is on its way, nor judge the age of a loss by a wrong clock.
    const least = steps || happenings.some(({ takesAway }) => takesAway) ? 1 : 2
    const worth = worths(this.store, this.time.now)
    for (const [image, before] of worthBefore) {
      const after = worth.get(image) ?? before
      if (after < Math.min(before, least) && !this.#blame.isKnownLoss(image))
        this.broken ??= `${image} loses its last usable copy`
    }
  }

  /** A reservation for an object without a real wish must be of a dry run, which must not reserve. */
  #checkReserved(): void {
    this.#blame.look(this.store)
    if (this.#scenario.wishes.every(({ dryRun }) => !dryRun)) return
    for (const [, leases] of this.store.allLeases())
      for (const { entry } of leases.entries())
        if (!entry.reservations.every((each) => this.#requests.isForReal(each)))
          this.broken ??= 'a dry run has written'
  }

  #operationSteps(replica: Replica): Step[] {
    if (replica.crashed) return []
    return replica.asking.operations.flatMap(({ what, answer, lose }) => {
      const step = {
        what: `replica ${replica.id}: ${what}`,
        replica: replica.id,
        take: answer,
      }
      if (!this.#scenario.losses || !what.startsWith('swap')) return [step]
      return [step, { ...step, what: `${step.what}, and the answer is lost`, take: lose }]
    })
  }

  /** A replica without open questions or future requests needs no deliveries. */
  #isNeeded(replica: Replica): boolean {
    if (replica.crashed) return false
    return replica.asking.operations.length > 0 || this.#requests.need(replica)
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
    this.#requests.dropAllOf(replica.id)
  }

  /**
   * Once, since one process without the memory of the previous one is enough. Not while an outage counts, of which the new
   * one does not know (known-limits.md).
   */
  *#restartSteps(): Iterable<Step> {
    const { restarts, sabotage } = this.#scenario
    if (this.#readers.areCutOff && sabotage.restartsUnaware !== true) return
    if (!restarts || this.replicas.some(({ process }) => process > 0)) return
    for (const replica of this.replicas) {
      const take = (): void => this.#restart(replica)
      yield { what: `replica ${replica.id} restarts`, replica: undefined, take }
    }
  }

  #restart(before: Replica): void {
    this.#crash(before)
    this.replicas[before.id - 1] = this.#replica(before.id, before.process + 1)
  }

  /** All watches break and come back. The replicas notice and list anew, so they miss the changes in between. */
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
    const replica = this.#informed ?? 0
    yield { what: `${next / 1_000} s pass`, replica, take: () => this.#jump() }
  }

  #jump(): void {
    this.#jumps += 1
    this.time.jump()
    this.#requests.dropLate()
  }
}
