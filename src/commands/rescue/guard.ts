import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { profileOf } from '../../longhorn/releases.ts'
import type { Flags } from '../../longhorn/rescue-note.ts'
import { defaultPolicy, type Policy } from '../../rules/policy.ts'
import { type ProofModules, proveGuard, provesHold } from '../doctor/prove-guard.ts'
import { askReplicas, lostAfterOf, policiesOf, settleOf } from '../guard/ask-replicas.ts'
import { guardPlace } from '../guard/guard-place.ts'
import { type Asking, askingOf, type ClusterFlags } from '../options/cluster-options.ts'
import type { ReplicaFlags } from '../options/replica-options.ts'
import { CannotRun } from '../surroundings.ts'

type Answers = Awaited<ReturnType<typeof askReplicas>>

/** How the guard is found. */
type GuardFlags = ClusterFlags & ReplicaFlags

/** What the guard is asked with. */
interface GuardModules {
  readonly connection: Connection
  readonly asking: Asking
  readonly map: DiskMapView
  readonly signal: AbortSignal
  readonly note: (text: string) => void
}

/** What a rescue asks of the guard, each thing once, and none of it before the flags are down. */
export class RescueGuard {
  readonly #flags: GuardFlags
  readonly #modules: GuardModules
  #answers: Answers | undefined
  #asking: Promise<Answers> | undefined
  #proof: Promise<boolean> | undefined
  /** False if a dry run has to tell once flags are up. */
  #isWhole = true

  constructor(flags: GuardFlags, modules: GuardModules) {
    this.#flags = flags
    this.#modules = modules
  }

  /** The rules, with the times of the guard as far as it has been asked: until then, and without one, the usual ones. */
  get policy(): Policy {
    const answers = this.#answers ?? { problem: 'they have not been asked yet' }
    const { settleMs, settleAfterOutageMs } = settleOf(answers)
    const { lostAfterMs } = lostAfterOf(answers)
    const { longhornNamespace } = this.#flags
    return { ...defaultPolicy, longhornNamespace, settleMs, settleAfterOutageMs, lostAfterMs }
  }

  /** Asks the replicas how long they wait, and by which rules they judge. @throws the signal's reason */
  async ask(): Promise<void> {
    await this.#ask()
  }

  /** True if the removal of copies would be held back while flags are up; else it is told why not. @throws the signal's reason */
  async isProved(): Promise<boolean> {
    return await (this.#proof ??= this.#prove())
  }

  /** True unless a dry run shows, with these flags up, that the removal of a copy is not held back. @throws the signal's reason */
  async isHeld(node: string, flags: Flags): Promise<boolean> {
    if (this.#isWhole) return true
    const policies = policiesOf(await this.#ask())
    const proof = this.#proofModules(policies)
    const disks = flags.node ? [undefined] : flags.disks
    for (const disk of disks) {
      const held = await provesHold({ node, disk }, proof)
      if (held !== false) continue
      this.#modules.note(
        `${node}: the guard would not hold back the removal of a copy now: a dry run of one was not held by cleanup-during-eviction. To see why: holdfast doctor`,
      )
      return false
    }
    return true
  }

  async #ask(): Promise<Answers> {
    this.#answers = await (this.#asking ??= this.#askOnce())
    return this.#answers
  }

  async #askOnce(): Promise<Answers> {
    const { connection, signal, asking } = this.#modules
    try {
      const namespace = await guardPlace(connection, this.#flags, { signal })
      return await askReplicas({ ...this.#flags, ...askingOf(asking), namespace }, connection, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof CannotRun) return { problem: error.message }
      throw error
    }
  }

  async #prove(): Promise<boolean> {
    const { map, note } = this.#modules
    const profile = profileOf(map.release)
    if (profile !== 'A' && profile !== 'B') return true
    try {
      this.#isWhole = await proveGuard(this.#proofModules(policiesOf(await this.#ask())))
      return true
    } catch (error) {
      if (!(error instanceof CannotRun)) throw error
      note(`The flags stay down: ${error.message}`)
      return false
    }
  }

  #proofModules(policies: ProofModules['policies']): ProofModules {
    const { connection, map, signal, note } = this.#modules
    const { longhornNamespace, namespace } = this.#flags
    return { connection, longhornNamespace, namespace, map, signal, note, policies }
  }
}
