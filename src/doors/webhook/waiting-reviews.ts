import type { WaitBudget } from '../../gate/ports.ts'
import { onAbort, type Timers } from '../../time/clock.ts'
import { goDuration } from '../../time/duration.ts'

/** How much memory reviews may take while they wait, held or being decided. */
export interface WaitingLimits {
  /**
   * So many bytes of reviews may be held at once. Beyond that, the caller with the most has none more held: one more is
   * decided within `unheldMs`. What is kept of an object can take fifteen times its bytes, and real reviews have some thousand.
   */
  readonly heldBytes: number
  /**
   * How long a decision may take that may not be held, in milliseconds. It takes some ten where the API server is well.
   * Where that is slow, the reviews of a flood must not wait for their whole budget.
   */
  readonly unheldMs: number
  /**
   * So many bytes of reviews may wait at once. Beyond that the latest of the caller with the most gives way: what could
   * raise danger is refused, and may come again.
   */
  readonly keptBytes: number
}

/** The limits without configuration. */
export const defaultWaitingLimits: WaitingLimits = {
  heldBytes: 8 * 1024 * 1024,
  unheldMs: 2_000,
  // With the largest body beside others. Of 10,000 disks each, what is kept of that takes 180 MiB.
  keptBytes: 12 * 1024 * 1024,
}

/** How much memory a review takes, and whose it is. */
export interface ReviewWeight {
  /** Of the body as it came. */
  readonly bytes: number
  /** The address that it came from. */
  readonly peer: string
}

/** The reason of a review that waits no longer, since others need the memory that it takes. */
class GaveWay extends Error {}

/** True for a review that gave way. */
export function hasGivenWay({ reason }: AbortSignal): boolean {
  return reason instanceof GaveWay
}

/** Bounds what reviews keep in memory until they are answered: an API server that is slow keeps all of them waiting. */
export class WaitingReviews {
  readonly #limits: WaitingLimits
  readonly #kept: KeptBytes
  readonly #onGaveWay: (() => void) | undefined

  /** @param onGaveWay told of each that gave way */
  constructor(limits: WaitingLimits, onGaveWay?: () => void) {
    this.#limits = limits
    this.#kept = new KeptBytes(limits.keptBytes)
    this.#onGaveWay = onGaveWay
  }

  /** Counts a review while it is worked on. @param work told when nobody waits for it any more, and whether it may be held */
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

  /** With less of a budget for what may not be held. */
  bounded(wait: WaitBudget): WaitBudget {
    if (wait.mayHold !== false) return wait
    return { ...wait, budgetMs: Math.min(wait.budgetMs, this.#limits.unheldMs) }
  }
}

/** Something that takes memory while it waits. */
interface Kept {
  /** Whose it is: an address. */
  readonly peer: string
  readonly bytes: number
  /** Ends its waiting, since others need the memory. Its bytes count no longer by then. */
  readonly giveWay: () => void
}

/**
 * Limits how many bytes are kept of what waits, and shares them out between peers. Beyond the limit the latest of the peer
 * with the most gives way, since its others have waited for longer. That can be the one that has just come.
 */
export class KeptBytes {
  readonly #mostBytes: number
  /** The oldest first. */
  readonly #kept = new Set<Kept>()
  readonly #bytesOf = new Map<string, number>()
  #bytes = 0

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** How many bytes are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Counts it from now on, and has others or itself give way. @returns to be called once it waits no longer */
  keep(kept: Kept): () => void {
    this.#kept.add(kept)
    this.#count(kept.peer, kept.bytes)
    while (this.#bytes > this.#mostBytes) {
      const latest = [...this.#kept].findLast(({ peer, bytes }) => bytes > 0 && this.#isGreediest(peer))
      if (!latest) break
      this.#forget(latest)
      latest.giveWay()
    }
    return () => this.#forget(kept)
  }

  /** True if more than this is kept, and no other peer keeps as much as this one. */
  isPressedBy(peer: string, bytes: number): boolean {
    return this.#bytes > bytes && this.#isGreediest(peer)
  }

  #isGreediest(peer: string): boolean {
    const own = this.#bytesOf.get(peer) ?? 0
    for (const others of this.#bytesOf.values()) if (others > own) return false
    return true
  }

  #forget(kept: Kept): void {
    if (this.#kept.delete(kept)) this.#count(kept.peer, -kept.bytes)
  }

  #count(peer: string, bytes: number): void {
    this.#bytes += bytes
    const ofPeer = (this.#bytesOf.get(peer) ?? 0) + bytes
    if (ofPeer > 0) this.#bytesOf.set(peer, ofPeer)
    else this.#bytesOf.delete(peer)
  }
}

/** What the API server takes when a webhook configuration says nothing. */
const defaultTimeoutMs = 10_000

/** Kubernetes accepts no `timeoutSeconds` above 30, so nobody waits longer, whatever the query says. */
const maxTimeoutMs = 30_000

/**
 * Reads `?timeout=` of a review: the budget that is left of the client's request, a Go duration (`10s`, `1m30s`,
 * `500ms`), rounded **up** to a second (kubernetes.md, The request).
 *
 * @param timeout absent or unreadable: the default of 10 s
 * @returns milliseconds, at most 30,000
 */
export function parseTimeout(timeout: unknown): number {
  const ms = typeof timeout === 'string' ? goDuration(timeout) : undefined
  return Math.min(ms ?? defaultTimeoutMs, maxTimeoutMs)
}

/** What {@link decidedWithin} rejects with when time is up. */
class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`No decision within ${ms} ms`)
    this.name = 'DeadlinePassed'
  }
}

/**
 * Waits for `work`, but no longer than `ms` milliseconds. Under `failurePolicy: Ignore` an answer that comes too
 * late admits the write without a word (kubernetes.md, The answer), so there has to be one in time. The work
 * itself goes on; nothing of it is waited for.
 *
 * @throws {@link DeadlinePassed} when time is up, else whatever `work` rejects with
 */
export function decidedWithin<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(ms, () => reject(new DeadlinePassed(ms)))
    work.then(resolve, reject).finally(cancel)
  })
}

/** The same for work that may be left to itself when time is up. @throws what the work rejects with */
export async function atMost(work: Promise<unknown>, ms: number, timers: Timers): Promise<void> {
  try {
    await decidedWithin(work, ms, timers)
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error
  }
}
