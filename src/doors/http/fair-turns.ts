/** How much is done at once. */
export interface FairTurnsLimits {
  /** So long work is done in one go before others are heard, in milliseconds. */
  readonly goMs: number
  /** So many bytes may wait for their turn, over all peers. */
  readonly mostWaitingBytes: number
  /** So many peers are remembered for what they have cost, beside those that wait. */
  readonly mostPeers: number
}

/** The limits without configuration. */
export const defaultFairTurnsLimits: FairTurnsLimits = {
  goMs: 5,
  mostWaitingBytes: 32 * 1024 * 1024,
  mostPeers: 1_000,
}

/** What takes as long is followed by a rest, in milliseconds. */
const longMs = 20

/** How long that is, as a share of what it took, and at most, in milliseconds. */
const [restShare, mostRestMs] = [1 / 4, 100]

/** Work that waits for its turn. */
interface Turn {
  readonly bytes: number
  readonly work: () => void
  readonly giveUp: () => void
}

/** What a peer has had, and waits for. */
interface Peer {
  /** The first comes first. */
  readonly waiting: Turn[]
  bytes: number
  /** Of work, in milliseconds. */
  spentMs: number
}

/**
 * Shares the processor out between peers. To read a body of megabytes takes long, and many of them that arrive together
 * would be read one after the other, while nothing else is answered. Here the event loop comes round in between, and the
 * peer that has cost least so far is next: so the reviews of the API server do not wait for all of somebody else's.
 */
export class FairTurns {
  readonly #limits: FairTurnsLimits
  readonly #now: () => number
  readonly #later: (go: () => void, restMs: number) => void
  readonly #peers = new Map<string, Peer>()
  #waiting = 0
  #bytes = 0
  #leftMs: number
  #isGoing = false

  /**
   * @param now milliseconds by a clock that is never set
   * @param later runs something once the event loop has come round, and so many milliseconds are over
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
   * Does some work once it is the peer's turn: at once if nothing waits and little was done since the event loop came round.
   *
   * @param bytes how much memory it takes while it waits
   * @param work must not throw
   * @param giveUp called in its place if too much waits; the peer with the most loses its latest
   */
  take(peer: string, bytes: number, work: () => void, giveUp: () => void): void {
    const own = this.#peerOf(peer)
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
    // Not less than any other, or a new address would always be first.
    const least = Math.min(...[...this.#peers.values()].map(({ spentMs }) => spentMs))
    const peer = { waiting: [], bytes: 0, spentMs: Number.isFinite(least) ? least : 0 }
    if (this.#peers.size >= this.#limits.mostPeers) this.#forgetIdle()
    this.#peers.set(name, peer)
    return peer
  }

  /** While somebody always waits, addresses that come once each would add up. */
  #forgetIdle(): void {
    for (const [name, { waiting }] of this.#peers) if (waiting.length === 0) this.#peers.delete(name)
  }

  #go(): void {
    for (let next = this.#next(); next && this.#leftMs > 0; next = this.#next()) {
      const began = this.#now()
      next.turn.work()
      const tookMs = this.#now() - began
      next.peer.spentMs += tookMs
      this.#leftMs -= tookMs
    }
  }

  /** Takes the first of the peer that has cost least. */
  #next(): { readonly peer: Peer; readonly turn: Turn } | undefined {
    if (this.#leftMs <= 0) return undefined
    let least: Peer | undefined
    for (const peer of this.#peers.values())
      if (peer.waiting.length > 0 && (!least || peer.spentMs < least.spentMs)) least = peer
    const turn = least?.waiting.shift()
    if (!least || !turn) return undefined
    this.#forget(least, turn)
    return { peer: least, turn }
  }

  /** Begins anew when the event loop has come round. What was spent is forgotten once nobody waits any more. */
  #goOn(): void {
    if (this.#isGoing) return
    this.#isGoing = true
    this.#later(() => {
      this.#isGoing = false
      this.#leftMs = this.#limits.goMs
      this.#go()
      if (this.#waiting > 0 || this.#leftMs <= 0) this.#goOn()
      else this.#peers.clear()
    }, this.#restMs())
  }

  /**
   * A review asks the cluster several times until it is decided. If each of these had to wait for somebody else's body of
   * megabytes, they would add up: so after one of those there is time for all of them.
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
