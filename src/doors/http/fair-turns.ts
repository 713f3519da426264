/** Limits of work at once. */
export interface FairTurnsLimits {
  /** How long work runs before the event loop does, in milliseconds. */
  readonly goMs: number
  /** How many bytes may wait for their turn, over all peers. */
  readonly mostWaitingBytes: number
  /** How many peers are remembered with their cost, besides those that wait. */
  readonly mostPeers: number
  /** So many bytes are expected to cost a millisecond. */
  readonly bytesPerMs: number
}

/** The limits without configuration. */
export const defaultFairTurnsLimits: FairTurnsLimits = {
  goMs: 5,
  mostWaitingBytes: 32 * 1024 * 1024,
  mostPeers: 1_000,
  bytesPerMs: 64 * 1024,
}

/** Work of this length is followed by a pause, in milliseconds. */
const longMs = 20

/** The length of the pause, as a share of the work, and at most, in milliseconds. */
const [restShare, mostRestMs] = [1 / 4, 100]

/** Work that waits for its turn. */
interface Turn {
  readonly bytes: number
  readonly work: () => void
  readonly giveUp: () => void
}

/** The share of a peer, and its waiting work. */
interface Peer {
  /** The first comes first. */
  readonly waiting: Turn[]
  bytes: number
  /** What it has used of its share: in milliseconds, on the scale of {@link FairTurns.#servedMs}. */
  usedMs: number
}

/**
 * Shares the processor between peers. Reading a body of megabytes takes long, and many that arrive together
 * would be read one after the other, while no request is answered. Here the event loop runs in between, and
 * that work is next which ends first if each peer has an equal share (weighted fair queueing, Demers 1989).
 *
 * - Reviews of the API server do not wait for all of another client's.
 * - A peer that is new, or was idle, has the share of all others from now on: it saves none up. So addresses
 *   that come once each, with a large body, do not go before the small ones of a peer that is known.
 * - Many addresses have many shares. What they can delay is what may wait at once, `mostWaitingBytes`.
 */
export class FairTurns {
  readonly #limits: FairTurnsLimits
  readonly #now: () => number
  readonly #later: (go: () => void, restMs: number) => void
  readonly #peers = new Map<string, Peer>()
  #waiting = 0
  #bytes = 0
  /** How much of its share a peer has used that has always waited, in milliseconds: it only grows. */
  #servedMs = 0
  #leftMs: number
  #isGoing = false

  /**
   * @param now milliseconds by a clock that is never set
   * @param later runs something once the event loop has run, and so many milliseconds are over
   */
  constructor(
    limits: FairTurnsLimits,
    now: () => number = () => performance.now(),
    later: (go: () => void, restMs: number) => void = afterRest,
  ) {
    this.#limits = limits
    this.#now = now
    this.#later = later
    this.#leftMs = limits.goMs
  }

  /** How many bytes wait for their turn. */
  get waitingBytes(): number {
    return this.#bytes
  }

  /** How many peers are remembered. */
  get peers(): number {
    return this.#peers.size
  }

  /**
   * Does some work at the peer's turn: at once if nothing waits and little was done since the event loop ran.
   *
   * @param bytes its memory while it waits
   * @param work must not throw
   * @param giveUp called instead if too much waits; the peer with the most loses its latest
   */
  take(peer: string, bytes: number, work: () => void, giveUp: () => void): void {
    const own = this.#peerOf(peer)
    if (own.waiting.length === 0) own.usedMs = Math.max(own.usedMs, this.#servedMs)
    // Nearly always nothing waits, and nothing is kept of it.
    if (this.#waiting === 0 && this.#leftMs > 0) {
      this.#do(own, work)
      this.#goOn()
      return
    }
    own.waiting.push({ bytes, work, giveUp })
    own.bytes += bytes
    this.#bytes += bytes
    this.#waiting += 1
    if (this.#leftMs > 0) this.#go()
    while (this.#bytes > this.#limits.mostWaitingBytes && this.#dropOne());
    this.#goOn()
  }

  #peerOf(name: string): Peer {
    const known = this.#peers.get(name)
    if (known) return known
    const peer = { waiting: [], bytes: 0, usedMs: 0 }
    if (this.#peers.size >= this.#limits.mostPeers) this.#forgetIdle()
    this.#peers.set(name, peer)
    return peer
  }

  /** Otherwise, during constant load, addresses that come once each would add up. */
  #forgetIdle(): void {
    for (const [name, { waiting }] of this.#peers) if (waiting.length === 0) this.#peers.delete(name)
  }

  #go(): void {
    for (let next = this.#next(); next && this.#leftMs > 0; next = this.#next()) {
      this.#do(next.peer, next.turn.work)
    }
  }

  #do(peer: Peer, work: () => void): void {
    const began = this.#now()
    work()
    const tookMs = this.#now() - began
    this.#servedMs = Math.max(this.#servedMs, peer.usedMs)
    peer.usedMs += tookMs
    this.#leftMs -= tookMs
  }

  /** Takes the first work of the peer whose work ends first. */
  #next(): { readonly peer: Peer; readonly turn: Turn } | undefined {
    if (this.#leftMs <= 0) return undefined
    let first: Peer | undefined
    let firstEndMs = Infinity
    for (const peer of this.#peers.values()) {
      const [turn] = peer.waiting
      const endMs = turn ? peer.usedMs + turn.bytes / this.#limits.bytesPerMs : Infinity
      if (endMs < firstEndMs) [first, firstEndMs] = [peer, endMs]
    }
    const turn = first?.waiting.shift()
    if (!first || !turn) return undefined
    this.#forget(first, turn)
    return { peer: first, turn }
  }

  /** Starts again when the event loop has run. Shares are forgotten once no peer waits. */
  #goOn(): void {
    if (this.#isGoing) return
    this.#isGoing = true
    this.#later(() => {
      this.#isGoing = false
      this.#leftMs = this.#limits.goMs
      this.#go()
      if (this.#waiting > 0 || this.#leftMs <= 0) this.#goOn()
      else {
        this.#peers.clear()
        this.#servedMs = 0
      }
    }, this.#restMs())
  }

  /**
   * A review asks the cluster several times until it is decided. If each answer had to wait for another
   * client's body of megabytes, the waits would add up. So after one such body there is a pause for all of
   * them.
   */
  #restMs(): number {
    const tookMs = this.#limits.goMs - this.#leftMs
    return tookMs < longMs ? 0 : Math.min(tookMs * restShare, mostRestMs)
  }

  /** @returns false if nothing waits */
  #dropOne(): boolean {
    let most: Peer | undefined
    for (const peer of this.#peers.values()) if (peer.bytes > (most?.bytes ?? 0)) most = peer
    const turn = most?.waiting.pop()
    if (!most || !turn) return false
    this.#forget(most, turn)
    turn.giveUp()
    return true
  }

  #forget(peer: Peer, { bytes }: Turn): void {
    peer.bytes -= bytes
    this.#bytes -= bytes
    this.#waiting -= 1
  }
}

function afterRest(go: () => void, restMs: number): void {
  if (restMs > 0) setTimeout(go, restMs)
  else setImmediate(go)
}
