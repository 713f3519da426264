import type { Connection } from '../../kubernetes/client/connection.ts'
import type { LiveMap } from '../../kubernetes/live-map.ts'
import { type Profile, profileOf } from '../../longhorn/releases.ts'
import { unnotePatch } from '../../rules/rescue/flags.ts'
import { defaultPolicy, type EvictionBudget, type Policy } from '../../rules/policy.ts'
import { systemClock } from '../../time/clock.ts'
import { type ProofModules, proveGuard } from '../doctor/prove-guard.ts'
import type { GuardLostAfter, GuardSettle } from '../guard/ask-replicas.ts'
import { beforeEviction } from './before-eviction.ts'
import { explainEviction, outlineEviction } from './explain.ts'
import { type Heeded, heededRelease } from './heeded-release.ts'
import { insistOnHold, isOwnFlagUp } from './insist-on-hold.ts'
import { type BatchStep, nextBatch } from './next-batch.ts'
import { type EvictionCircumstances, type EvictionStep, targetName, nextEvictionStep } from './next-step.ts'
import { closePatch, evictionPatch, type Target } from './remains.ts'
import { runEviction } from './run-eviction.ts'
import { Mutex, nextChange, patchNode } from './writes.ts'

/** What an eviction is carried out with. */
export interface EvictModules {
  readonly connection: Connection
  readonly live: LiveMap
  /** How long the guard lets what has ended count; the default where no guard is asked. */
  readonly settle?: GuardSettle | undefined
  /** When a node counts as lost for the guard; the default where no guard is asked. */
  readonly lostAfter?: GuardLostAfter
  /** How much the guard lets be under way at a time; any number where no guard is asked. */
  readonly budget?: EvictionBudget
  readonly signal: AbortSignal
  /** Tells the person what stays to be read. */
  readonly note: (text: string) => void
  /** Told of the step of each target at each look at it. */
  readonly onStep: (target: Target, step: EvictionStep) => void
  /** The rules of the guard's replicas. */
  readonly policies: ProofModules['policies']
}

/** How it is carried out. */
export interface EvictWays {
  readonly dryRun: boolean
  readonly unguarded: boolean
  readonly namespace?: string
  readonly longhornNamespace: string
}

/** In which batches nodes are emptied. */
export interface Batches {
  readonly batchSize: number
  /** Those of a plan; undefined to find them. */
  readonly batches?: readonly (readonly string[])[] | undefined
}

/** Evictions in one cluster, with all that they have in common. */
export class EvictionRun {
  readonly #ways: EvictWays
  readonly #modules: EvictModules
  readonly #policy: Policy
  readonly #heeded: Heeded
  readonly #profile: Profile
  readonly #isOneOfSeveral: boolean
  /** One flag goes up at a time, so that each is judged with those before it. */
  readonly #mutex = new Mutex()
  /** True once it is proved that the guard holds back the removal of copies, or where nothing needs it. */
  #proved = true
  /** Why no further flag goes up. */
  #failure: Error | undefined

  constructor(ways: EvictWays, modules: EvictModules, isOneOfSeveral = false) {
    const { settle, lostAfter, budget, live, policies } = modules
    const { settleMs, settleAfterOutageMs } = settle ?? defaultPolicy
    const { lostAfterMs } = lostAfter ?? defaultPolicy
    const { longhornNamespace } = ways
    const evictionBudget = budget ?? defaultPolicy.evictionBudget
    const times = { settleMs, settleAfterOutageMs, lostAfterMs }
    this.#heeded = heededRelease(live.map.release, policies)
    const release = this.#heeded.isConfigured ? this.#heeded.release : undefined
    this.#policy = { ...defaultPolicy, longhornNamespace, ...times, evictionBudget, release }
    this.#profile = profileOf(this.#heeded.release)
    this.#ways = ways
    this.#modules = modules
    this.#isOneOfSeveral = isOneOfSeveral
  }

  /** Tells what is to be known before anything is done. */
  begin(): void {
    const { live, settle, lostAfter, note } = this.#modules
    const timeOfDay = systemClock.now()
    const isOneOfSeveral = this.#isOneOfSeveral
    const beginning = {
      map: live.map,
      policy: this.#policy,
      heeded: this.#heeded,
      timeOfDay,
      settle,
      lostAfter,
      isOneOfSeveral,
    }
    beforeEviction(beginning, note)
  }

  /** @throws CannotRun where the guard would not hold anything */
  async prove(): Promise<void> {
    const crashing = this.#profile === 'A' || this.#profile === 'B'
    this.#proved = !crashing || this.#ways.unguarded || (await proveGuard(this.#proof))
  }

  nextBatch(nodes: readonly string[], { batchSize, batches }: Batches): BatchStep {
    const most = this.#policy.evictionBudget.flaggedNodes ?? Infinity
    return nextBatch(nodes, this.#modules.live.map, this.#circumstances(), {
      batchSize: Math.max(1, Math.min(batchSize, most)),
      batches,
    })
  }

  /** Tells the next step of a target, without taking it. */
  wouldDo(target: Target): EvictionStep {
    const { live, note, onStep } = this.#modules
    const step = nextEvictionStep(target, live.map, this.#circumstances())
    note(`${targetName(target)}: ${explainEviction(step, systemClock.monotonic(), 'would')}`)
    onStep(target, step)
    return step
  }

  /** One sentence for each step that is still to come. */
  outline(target: Target, step: EvictionStep): string[] {
    return outlineEviction(target, this.#modules.live.map, this.#profile, step)
  }

  async close(nodes: readonly string[]): Promise<void> {
    const patch = { spec: { allowScheduling: false } }
    for (const name of nodes) {
      await patchNode(name, ({ spec }) => (spec.allowScheduling ? patch : undefined), this.#writing)
    }
  }

  /**
   * Empties targets at the same time. If one fails, the others that have begun go on to their end: only so do their flags
   * go down where they have to.
   *
   * @returns `done`, or the first step that is not
   */
  async evict(targets: readonly Target[]): Promise<EvictionStep> {
    await this.#insistOnAll(targets)
    const ends = await Promise.allSettled(targets.map((target) => this.#evictOne(target)))
    this.#modules.signal.throwIfAborted()
    if (this.#failure !== undefined) throw this.#failure
    const last = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []))
    return last.find(({ step }) => step !== 'done') ?? { step: 'done' }
  }

  async #evictOne(target: Target): Promise<EvictionStep> {
    const { live, signal, onStep } = this.#modules
    try {
      return await runEviction(target, {
        map: live.map,
        circumstances: () => this.#circumstances(),
        onStep: (step) => onStep(target, step),
        takeOver: () => this.#takeOver(target),
        close: () => patchNode(target.node, () => closePatch(target), this.#writing),
        raise: (isNext) => this.#raise(target, isNext),
        lower: () => this.#write(target, false),
        changed: (until) =>
          nextChange(live, signal, until === undefined ? undefined : { clock: systemClock, until }),
      })
    } catch (error) {
      this.#failure ??= asError(error)
      throw error
    }
  }

  async #takeOver({ node, disk }: Target): Promise<void> {
    await patchNode(node, (found) => unnotePatch(found, disk), this.#writing)
  }

  async #raise(target: Target, isNext: () => boolean): Promise<void> {
    const isWanted = (): boolean => {
      if (this.#failure !== undefined) throw this.#failure
      return isNext()
    }
    if (this.#proved) {
      await this.#write(target, true, { isWanted, mutex: this.#mutex })
      return
    }
    // Before it is proved, no second flag goes up beside this one.
    await this.#mutex.run(async () => {
      await this.#write(target, true, { isWanted })
      await this.#insist(target)
    })
  }

  async #write(
    target: Target,
    evictionRequested: boolean,
    { isWanted = () => true, mutex }: { isWanted?: () => boolean; mutex?: Mutex } = {},
  ): Promise<void> {
    await patchNode(
      target.node,
      (node) => (isWanted() ? evictionPatch(target, node, evictionRequested) : undefined),
      { ...this.#writing, mutex },
    )
  }

  /** Flags may be up already. Each that should not be goes down, whatever comes of the others. */
  async #insistOnAll(targets: readonly Target[]): Promise<void> {
    let failure: Error | undefined
    for (const target of targets)
      await this.#insist(target).catch((error: unknown) => {
        failure ??= asError(error)
      })
    if (failure !== undefined) throw failure
  }

  async #insist(target: Target): Promise<void> {
    const node = this.#modules.live.map.node(target.node)
    // What else is being evicted on the node proves nothing of this one, and is not this one's to take down.
    if (this.#proved || node === undefined || !isOwnFlagUp(target, node)) return
    await insistOnHold(target, this.#proof, () => this.#write(target, false))
    this.#proved = true
  }

  /** The monotonic time is that of the disk map. */
  #circumstances(): EvictionCircumstances {
    const moment = { now: systemClock.monotonic(), timeOfDay: systemClock.now() }
    return { policy: this.#policy, ...moment, isOneOfSeveral: this.#isOneOfSeveral }
  }

  get #proof(): ProofModules {
    const { connection, signal, note, policies, live } = this.#modules
    const { namespace, longhornNamespace } = this.#ways
    return { connection, namespace, longhornNamespace, signal, note, map: live.map, policies }
  }

  get #writing() {
    const { connection, live, signal, note } = this.#modules
    const onHeld = (message: string): void => note(`held back, and tried again: ${message}`)
    return {
      connection,
      namespace: this.#ways.longhornNamespace,
      live,
      clock: systemClock,
      signal,
      onHeld,
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
