import type { WaitBudget } from '../../gate/ports.ts'
import { onAbort, type Timers } from '../../time/clock.ts'
import { goDuration } from '../../time/duration.ts'

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
   * Counts a review during its work.
   *
   * @param work gets a signal for the end of the wait, and whether it may be held
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

/** A waiting object that takes memory. */
interface Kept {
  /** Its owner: an address. */
  readonly peer: string
  readonly bytes: number
  /** Ends its wait, since others need the memory. Its bytes no longer count then. */
  readonly giveWay: () => void
}

/**
 * Limits the kept bytes of waiting objects, and shares them between peers. Beyond the limit the latest of the
 * peer with the most gives way, since its others have waited for longer. That can be the one that has just
 * come.
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

  /** Counts it from now on; others or itself may have to give way. @returns called once it no longer waits */
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

/** The API server's default if a webhook configuration has none. */
const defaultTimeoutMs = 10_000

/** Kubernetes accepts no `timeoutSeconds` above 30, so no client waits longer, whatever the query says. */
const maxTimeoutMs = 30_000

/**
 * Reads `?timeout=` of a review: the remaining time of the client's request, a Go duration (`10s`, `1m30s`,
 * `500ms`), rounded **up** to a second (kubernetes.md, The request).
 *
 * @param timeout absent or unreadable: the default of 10 s
 * @returns milliseconds, at most 30,000
 */
export function parseTimeout(timeout: unknown): number {
  const ms = typeof timeout === 'string' ? goDuration(timeout) : undefined
  return Math.min(ms ?? defaultTimeoutMs, maxTimeoutMs)
}

/** The error of {@link decidedWithin} when time is up. */
class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`No decision within ${ms} ms`)
    this.name = 'DeadlinePassed'
  }
}

/**
 * Waits for `work`, but no longer than `ms` milliseconds. Under `failurePolicy: Ignore` a late answer
 * silently admits the write (kubernetes.md, The answer), so there has to be one in time. The work itself goes
 * on unattended.
 *
 * @throws {@link DeadlinePassed} when time is up, else the error of `work`
 */
export function decidedWithin<T>(work: Promise<T>, ms: number, timers: Timers): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.setTimer(ms, () => reject(new DeadlinePassed(ms)))
    work.then(resolve, reject).finally(cancel)
  })
}

/** The same for work that may go on unattended when time is up. @throws the error of the work */
export async function atMost(work: Promise<unknown>, ms: number, timers: Timers): Promise<void> {
  try {
    await decidedWithin(work, ms, timers)
  } catch (error) {
    if (!(error instanceof DeadlinePassed)) throw error
  }
}
