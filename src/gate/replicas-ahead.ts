import type { Replica } from '../longhorn/replica.ts'
import { type Act, type Change, nameOf } from '../rules/change.ts'
import type { Clock } from '../time/clock.ts'
import type { QuorumReads } from './ports.ts'

/** How old a read may be when a clean-up is judged on it, in milliseconds. A write of a Lease takes a few, and can take seconds. */
const countsMs = 1_000

/**
 * The replicas that may use the copies of a clean-up; for other changes there are none. They are read while the reservation is
 * written: nothing reserves replicas, so the read proves as much before as after. An API server can keep a list waiting for
 * 100 ms (docs/facts/kubernetes.md, "Reads").
 */
export class ReplicasAhead {
  readonly #read: () => Promise<readonly Replica[]>
  readonly #clock: Pick<Clock, 'monotonic'>
  #begun: { readonly at: number; readonly replicas: Promise<readonly Replica[]> } | undefined

  constructor(
    change: Change,
    acts: readonly Act[],
    {
      reads,
      clock,
    }: { readonly reads: Pick<QuorumReads, 'replicas'>; readonly clock: Pick<Clock, 'monotonic'> },
    signal: AbortSignal,
  ) {
    this.#clock = clock
    const cleanup = acts.find((act) => act.act === 'cleanup')
    this.#read = async () =>
      cleanup
        ? await reads.replicas(nameOf(change), [...cleanup.after.spec.diskFileSpecMap.keys()], signal)
        : []
  }

  /** Reads them, unless it has begun to. */
  begin(): void {
    if (this.#begun) return
    const replicas = this.#read()
    // Nobody asks for them if the reservation is not made.
    replicas.catch(() => undefined)
    this.#begun = { at: this.#clock.monotonic(), replicas }
  }

  /** The replicas as they were a second before this call, or later. @throws the errors of reading */
  async get(): Promise<readonly Replica[]> {
    const begun = this.#begun
    if (!begun || this.#clock.monotonic() - begun.at > countsMs) return await this.#read()
    // Where the read ahead failed, another one may not.
    return await begun.replicas.catch(this.#read)
  }
}
