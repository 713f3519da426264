import { type Clock, pause, within } from '../../time/clock.ts'
import type { Election } from '../../tls/self-managed.ts'

/** The parts of a leadership. */
interface LeadershipModules {
  readonly election: Election
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
  readonly onWell: () => void
  /** Called after each question that this replica has won. @param begins true if it did not lead before */
  readonly onLead: (begins: boolean) => void
}

/** How long a leader stays one without a renewal, in milliseconds: as in kube-controller-manager. */
export const leaseMs = 15_000

/** From one question to the next, in milliseconds; no question takes longer. */
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
      const began = clock.monotonic()
      await this.#ask(signal)
      await pause(clock, Math.max(0, began + askEveryMs - clock.monotonic()), signal)
    }
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { election, clock, onProblem, onWell, onLead } = this.#modules
    const began = clock.monotonic()
    try {
      // Without a limit one lost answer would end the lead: no other question would be asked in time.
      const leads = await election.leads(within(askEveryMs, signal, clock))
      // While it was asked, the time of the last one may have run out.
      const led = this.leads
      this.#until = leads ? began + leaseMs : -Infinity
      onWell()
      if (leads) onLead(!led)
    } catch (error) {
      if (!signal.aborted) onProblem(error)
    }
  }
}
