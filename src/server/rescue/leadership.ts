import { type Clock, pause } from '../../time/clock.ts'
import type { Election } from '../../tls/self-managed.ts'

/** The parts of a leadership. */
interface LeadershipModules {
  readonly election: Election
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
  readonly onWell: () => void
  /** Called each time that this replica begins to lead. */
  readonly onLead: () => void
}

/** How long a leader stays one without a renewal, in milliseconds: as in kube-controller-manager. */
export const leaseMs = 15_000

/** Between two questions, in milliseconds. */
const askEveryMs = leaseMs / 3

/** Stands for an election again and again. One of several replicas leads, and none while the Leases cannot be reached. */
export class Leadership {
  readonly #modules: LeadershipModules
  readonly #stopping = new AbortController()
  /** By the monotonic clock; the election's own Lease lasts at least as long. */
  #until = -Infinity
  #standing: Promise<void> = Promise.resolve()

  constructor(modules: LeadershipModules) {
    this.#modules = modules
  }

  /** True while this replica leads. A process that stood still does not lead before it has asked again. */
  get leads(): boolean {
    return this.#modules.clock.monotonic() < this.#until
  }

  start(): void {
    this.#standing = this.#stand()
  }

  /** Lets another replica lead at once. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the guard stops'))
    await this.#standing
    this.#until = -Infinity
    // The others notice by themselves, a little later.
    await this.#modules.election.resign().catch(this.#modules.onProblem)
  }

  async #stand(): Promise<void> {
    const { clock } = this.#modules
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#ask(signal)
      await pause(clock, askEveryMs, signal)
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { election, clock, onProblem, onWell, onLead } = this.#modules
    const began = clock.monotonic()
    try {
      const led = this.leads
      const leads = await election.leads(signal)
      this.#until = leads ? began + leaseMs : -Infinity
      onWell()
      if (leads && !led) onLead()
    } catch (error) {
      if (!signal.aborted) onProblem(error)
    }
  }
}
