/** Something that takes memory while it waits. */
export interface Kept {
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
