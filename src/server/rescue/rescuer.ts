import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { ChangeBus } from '../../gate/change-bus.ts'
import type { MapFreshness } from '../../gate/ports.ts'
import { isOlder } from '../../longhorn/metadata.ts'
import { profileOf } from '../../longhorn/releases.ts'
import { concernsGuard, enforcesRescue, type RescueListener } from '../../rules/rescue/guard-step.ts'
import { KnownSpecs, Raises } from '../../rules/rescue/node-history.ts'
import type { Policy } from '../../rules/policy.ts'
import { type Clock, comesTrue, pause } from '../../time/clock.ts'
import type { NodeWrites } from './node-writes.ts'
import { tendNode, type WriteResult } from './tend-node.ts'

/** The parts of a rescuer. */
interface RescuerModules {
  readonly map: DiskMapView
  readonly changes: ChangeBus
  readonly freshness: Pick<MapFreshness, 'synced' | 'ageMs'>
  readonly clock: Clock
  readonly policy: Policy
  /** The oldest disk map to act on, in milliseconds. */
  readonly maxAgeMs: number
  readonly writes: Pick<NodeWrites, 'isReal' | 'write'>
  /** True while this replica is the one that acts. */
  readonly leads: () => boolean
  readonly onNews: RescueListener
  readonly signal: AbortSignal
}

/**
 * A wait looks again after this at the latest, in milliseconds. While its flags are down nothing is urgent but a change of the
 * node itself, and to judge each node at each change of the cluster would be expensive.
 */
const lookAgainMs = 1_000
/** How long to wait for the watch to show a write of this process, in milliseconds. */
const shownMs = 10_000

/** Tends every node whose manager is in danger, and those whose flags the guard has taken down. */
export class Rescuer {
  readonly #modules: RescuerModules
  readonly #specs = new KnownSpecs()
  readonly #raises = new Raises()
  readonly #tending = new Map<string, Promise<void>>()
  readonly #unsubscribe: () => void
  /** By the monotonic clock: of what ended before, this process knows nothing. */
  #watchingSince: number | undefined
  #isLooking = false

  constructor(modules: RescuerModules) {
    this.#modules = modules
    this.#unsubscribe = modules.changes.subscribeToObjects((changed) => {
      if (changed.startsWith('Node/')) this.#see(changed.slice('Node/'.length))
      this.lookSoon()
    })
    for (const { metadata } of modules.map.nodes()) this.#see(metadata.name)
    this.lookSoon()
  }

  /** How many nodes are tended now. */
  get tended(): number {
    return this.#tending.size
  }

  /** Looks for nodes to tend, once for all changes of one moment. */
  lookSoon(): void {
    if (this.#isLooking) return
    this.#isLooking = true
    queueMicrotask(() => {
      this.#isLooking = false
      this.#look()
    })
  }

  /** Resolves when nothing is being written. The signal is aborted first. */
  async stop(): Promise<void> {
    this.#unsubscribe()
    await Promise.all(this.#tending.values())
  }

  #look(): void {
    if (!this.#isOn()) return
    const { map, policy } = this.#modules
    const profile = profileOf(policy.release ?? map.release)
    for (const node of map.nodes()) {
      const { name } = node.metadata
      if (this.#tending.has(name) || !concernsGuard(node, map, profile)) continue
      this.#tending.set(
        name,
        this.#tend(name).finally(() => {
          this.#tending.delete(name)
          // What has come meanwhile was left to the one that is over now.
          this.lookSoon()
        }),
      )
    }
  }

  #isOn(): boolean {
    const { freshness, leads, maxAgeMs, clock, signal } = this.#modules
    if (!freshness.synced || signal.aborted) return false
    this.#watchingSince ??= clock.monotonic()
    return leads() && freshness.ageMs() <= maxAgeMs
  }

  async #tend(name: string): Promise<void> {
    const { map, policy, clock, writes, onNews, signal } = this.#modules
    await tendNode(name, {
      map,
      circumstances: () => {
        const now = clock.monotonic()
        return {
          ...{ policy, now, timeOfDay: clock.now() },
          watchingSince: this.#watchingSince ?? now,
          isKnown: (flags) => this.#specs.isKnown(name, flags),
          mayRaise: this.#raises.mayRaise(name, now),
        }
      },
      now: () => clock.monotonic(),
      isOn: () => this.#isOn(),
      acts: enforcesRescue(policy),
      isReal: (cleanups) => writes.isReal(cleanups),
      write: async (node, step) => {
        const tried = await writes.write(node, step, (version) => this.#shown(name, version))
        if (step.step === 'raise' && mayBeWritten(tried)) this.#raises.add(name, clock.monotonic())
        return tried
      },
      changed: (until) => this.#changed(name, until),
      pause: (ms) => pause(clock, ms, signal),
      onNews,
    })
  }

  #see(name: string): void {
    this.#specs.see(name, this.#modules.map.node(name))
  }

  async #changed(name: string, until = Infinity): Promise<void> {
    const { map, clock, signal } = this.#modules
    const seen = map.node(name)
    const limitMs = Math.max(0, Math.min(until - clock.monotonic(), lookAgainMs))
    await comesTrue(() => map.node(name) !== seen, this.#news, { clock, limitMs, signal })
  }

  async #shown(name: string, resourceVersion: string): Promise<void> {
    const { map, clock, signal } = this.#modules
    const isShown = (): boolean => {
      const shown = map.node(name)
      return shown === undefined || !isOlder(shown.metadata.resourceVersion, resourceVersion)
    }
    await comesTrue(isShown, this.#news, { clock, limitMs: shownMs, signal })
  }

  readonly #news = {
    subscribe: (listener: () => void) => this.#modules.changes.subscribeToObjects(() => listener()),
  }
}

/** A raise whose answer is lost counts too, since the flags may be up. */
function mayBeWritten(tried: WriteResult): boolean {
  return tried.outcome === 'written' || (tried.outcome === 'failed' && tried.mayBeWritten === true)
}
