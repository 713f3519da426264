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

/**
 * The maximum of values in one body. The largest image that etcd stores, in 1.5 MiB with 2,700 copies, has
 * 300,000 in its review, before and after. A text of 8 MiB can have five million, and no other request is
 * answered while they are read.
 */
export const mostValues = 350_000

/**
 * The same for a call of Longhorn's REST API, which has no authentication. Its UI sends a whole node back:
 * ten disks with 2,000 replicas have 5,000.
 */
export const mostValuesOfCall = 20_000

/** The largest body of such a call, in bytes: that many values have a few hundred kilobytes. */
export const mostBytesOfCall = 1024 * 1024

/** The same for one object in a write, or its result: a review has it before and after. */
export const mostValuesOfObject = mostValues / 2

/**
 * The same for a patch of an object. One that removes all 2,700 copies has 17,000, and kubectl apply repeats
 * the object in an annotation, which has 256 KiB at most.
 */
export const mostValuesOfPatch = 50_000

const [comma, colon, bracket, brace] = [',', ':', '[', '{'].map((character) => character.charCodeAt(0))

/**
 * True for JSON with more values than this, found without parsing it. It counts the characters before a
 * value, in strings too, which errs on the safe side. Parsing costs some hundred nanoseconds a value, and
 * counting one for each character.
 */
export function hasMoreValues(most: number, text: string): boolean {
  if (text.length <= most) return false
  let count = 0
  for (let at = 0; at < text.length && count <= most; at += 1) {
    const code = text.charCodeAt(at)
    if (code === comma || code === colon || code === bracket || code === brace) count += 1
  }
  return count > most
}
