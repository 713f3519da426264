import type { WaitBudget } from '../../gate/ports.ts'
import { onAbort } from '../../time/clock.ts'
import { KeptBytes } from '../http/kept-bytes.ts'

/** Limits of the memory of reviews while they wait, held or in decision. */
export interface WaitingLimits {
  /**
   * How many bytes of reviews may be held at once. Beyond that, the caller with the most gets no further
   * hold: its next one is decided within `unheldMs`. The kept part of an object can take fifteen times its
   * bytes, and real reviews have some thousand.
   */
  readonly heldBytes: number
  /**
   * Limit for a decision without a hold, in milliseconds. It takes about ten with a healthy API server. With
   * a slow one, the reviews of a flood must not wait for their whole time.
   */
  readonly unheldMs: number
  /**
   * How many bytes of reviews may wait at once. Beyond that the latest of the caller with the most gives way:
   * a dangerous change is denied, and may be retried.
   */
  readonly keptBytes: number
}

/** The limits without configuration. */
export const defaultWaitingLimits: WaitingLimits = {
  heldBytes: 8 * 1024 * 1024,
  unheldMs: 2_000,
  // With the largest body beside others. With 10,000 disks each, the kept parts take 180 MiB.
  keptBytes: 12 * 1024 * 1024,
}

/** The memory of a review, and its caller. */
export interface ReviewWeight {
  /** The size of the original body. */
  readonly bytes: number
  /** The address that it came from. */
  readonly peer: string
}

/** The reason of a review that stops waiting, since others need its memory. */
class GaveWay extends Error {}

/** True for a review that gave way. */
export function hasGivenWay({ reason }: AbortSignal): boolean {
  return reason instanceof GaveWay
}

/** Limits the memory of reviews until they are answered: a slow API server keeps all of them waiting. */
export class WaitingReviews {
  readonly #limits: WaitingLimits
  readonly #kept: KeptBytes
  readonly #onGaveWay: (() => void) | undefined

  /** @param onGaveWay called with each that gave way */
  constructor(limits: WaitingLimits, onGaveWay?: () => void) {
    this.#limits = limits
    this.#kept = new KeptBytes(limits.keptBytes)
    this.#onGaveWay = onGaveWay
  }

  /**
   * Counts a review during its work. @param work gets a signal for the end of the wait, and whether it may be
   * held
   */
  async during<T>(
    { bytes, peer }: ReviewWeight,
    signal: AbortSignal,
    work: (waiting: Required<Omit<WaitBudget, 'budgetMs'>>) => Promise<T>,
  ): Promise<T> {
    const over = new AbortController()
    if (signal.aborted) over.abort(signal.reason)
    const forget = onAbort(signal, () => over.abort(signal.reason))
    const giveWay = (): void => {
      this.#onGaveWay?.()
      over.abort(new GaveWay())
    }
    const release = this.#kept.keep({ peer, bytes, giveWay })
    try {
      const mayHold = !this.#kept.isPressedBy(peer, this.#limits.heldBytes)
      return await work({ signal: over.signal, mayHold })
    } finally {
      release()
      forget()
    }
  }

  /** With less time for a review that may not be held. */
  bounded(wait: WaitBudget): WaitBudget {
    if (wait.mayHold !== false) return wait
    return { ...wait, budgetMs: Math.min(wait.budgetMs, this.#limits.unheldMs) }
  }
}
