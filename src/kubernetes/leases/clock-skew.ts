import type { Clock } from '../../time/clock.ts'
import type { Connection } from '../client/connection.ts'

/** How long a sample of a clock counts, in milliseconds. */
const windowMs = 600_000

/** An answer that took longer does not tell when its date was written, in milliseconds. */
const promptMs = 1_000

/** The name of its sample; no holder of a Lease can have it. */
const apiServer = 'the API server'

interface Sample {
  readonly aheadMs: number
  readonly seenAt: number
}

/**
 * How far other clocks are from this machine's: the API server's by the dates of its answers, those of other
 * replicas by the times in their Leases. No decision on a write uses this. It serves people, since records
 * and tables show these clocks, and certificates, which the API server judges by its own clock.
 */
export class ClockSkew {
  readonly #clock: Pick<Clock, 'now' | 'monotonic'>
  readonly #samples = new Map<string, Sample>()

  constructor(clock: Pick<Clock, 'now' | 'monotonic'>) {
    this.#clock = clock
  }

  /** The same connection, which also samples the dates of its answers. */
  watching(connection: Connection): Connection {
    return {
      ...connection,
      request: async (request) => {
        const sentAt = this.#clock.now()
        const response = await connection.request(request)
        const tookMs = this.#clock.now() - sentAt
        const date = Date.parse(response.headers.date ?? '')
        if (!Number.isNaN(date) && tookMs >= 0 && tookMs <= promptMs) {
          // On average the second in the header is half over.
          this.#keep(apiServer, {
            aheadMs: date + 500 - (sentAt + tookMs / 2),
            seenAt: this.#clock.monotonic(),
          })
        }
        return response
      },
    }
  }

  /** A Lease came by watch. Delays make its writer look behind, so the sample that is least behind counts. */
  renewed(holder: string, renewedAt: number): void {
    const sample = { aheadMs: renewedAt - this.#clock.now(), seenAt: this.#clock.monotonic() }
    const known = this.#samples.get(holder)
    if (!known || sample.aheadMs >= known.aheadMs || this.#isOld(known)) this.#keep(holder, sample)
  }

  /** The offset of the clock furthest off, in seconds: positive if that clock is ahead of this machine's. */
  seconds(): number {
    let worst = 0
    for (const sample of this.#samples.values()) {
      if (!this.#isOld(sample) && Math.abs(sample.aheadMs) > Math.abs(worst)) worst = sample.aheadMs
    }
    return worst / 1_000
  }

  /**
   * How far the API server's clock was ahead of this machine's at its last quick answer, in milliseconds; 0
   * before one.
   */
  aheadMs(): number {
    return this.#samples.get(apiServer)?.aheadMs ?? 0
  }

  #keep(whose: string, sample: Sample): void {
    for (const [other, each] of this.#samples) if (this.#isOld(each)) this.#samples.delete(other)
    this.#samples.set(whose, sample)
  }

  #isOld({ seenAt }: Sample): boolean {
    return this.#clock.monotonic() - seenAt > windowMs
  }
}
