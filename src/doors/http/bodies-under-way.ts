import type { IncomingMessage } from 'node:http'

/** How many bytes of bodies are in memory at once. */
export interface BodyLimits {
  /** For all peers together. */
  readonly mostBytes: number
  /** For one address. */
  readonly mostBytesOfPeer: number
}

/**
 * Why a body had to make room: it had been arriving for long, it was arriving, or it was kept while its
 * request waited. The first two end with their connection, without an answer: its rest would still have to be read. Or they
 * are forwarded.
 */
export type BodyCut = 'late' | 'arriving' | 'kept'

/** The parts that limiting bodies needs. */
interface BodyModules {
  /** Milliseconds by a clock that is never set. */
  readonly now: () => number
  /** Called with each body that had to make room. */
  readonly onCut?: (why: BodyCut) => void
}

/** A body that counts for longer than its arrival. */
export interface KeptBody {
  /** It is being forwarded, and is no longer asked to make room: its memory would not come free. */
  passing(): void
  /** It waits again. */
  waiting(): void
  /** Its request is over. */
  release(): void
}

interface Body {
  readonly message: IncomingMessage
  readonly peer: string
  /** When it began, by the clock. */
  readonly since: number
  readonly giveWay: (() => void) | undefined
  readonly isPassedOn: boolean
  pieces: number
  length: number
  /** What it counts: its length, or more if it comes in small pieces. */
  bytes: number
  state: 'arriving' | 'kept' | 'passing'
}

/**
 * A body that has been arriving for longer gives way first, in milliseconds: real ones arrive within a few.
 */
const lateMs = 2_000

/**
 * What a piece of a body counts at least, on average: a piece of one byte takes about 200 bytes of the heap (measured on
 * Node 20). A client can send each byte in its own TLS record, 100,000 of them a second.
 */
const bytesOfPiece = 256

/**
 * Limits how many bytes of bodies are in memory at once, over all connections: while they arrive, and as long
 * as their reader keeps them. Beyond that a body has to make room, in this order:
 *
 * 1. the oldest late one, of the peer with the most late bytes: it is half-sent, and blocks all others;
 * 2. of the peer with the most bytes, the oldest that is still arriving;
 * 3. of that peer, the latest that is kept: its others have waited for longer.
 */
export class BodiesUnderWay {
  readonly #limits: BodyLimits
  readonly #modules: BodyModules
  /** The oldest first. */
  readonly #bodies = new Set<Body>()
  readonly #bytesOf = new Map<string, number>()
  #bytes = 0

  constructor(limits: BodyLimits, modules: BodyModules) {
    this.#limits = limits
    this.#modules = modules
  }

  /** How many bytes are in memory. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Counts the body of a message from now on; call it before the body is read.
   *
   * @param giveWay ends the wait of a request whose body is kept. Without it a body counts until it has
   *   arrived.
   * @param isPassedOn true for a body that is forwarded as it comes if it has to make room during its arrival
   */
  watch(message: IncomingMessage, giveWay?: () => void, isPassedOn = false): KeptBody {
    const body = this.#begin(message, giveWay, isPassedOn)
    message.on('data', (chunk: Buffer) => this.#came(body, chunk))
    message.once('end', () => {
      if (giveWay) body.state = 'kept'
      else this.#forget(body)
    })
    message.once('close', () => {
      if (body.state === 'arriving') this.#forget(body)
    })
    return {
      passing: () => {
        if (body.state === 'kept') body.state = 'passing'
      },
      waiting: () => {
        if (body.state === 'passing') body.state = 'kept'
      },
      release: () => this.#forget(body),
    }
  }

  /**
   * Reads a body and counts it until it has arrived: {@link watch} with fewer listeners. A body that comes in one piece, as
   * nearly all do, is never counted: it is there as soon as it takes memory. A Set that is emptied again and again would leave
   * old objects behind for each of them.
   *
   * @param whole gets it; nothing of a body that is cut off
   * @param length that it should have, if that is known
   */
  read(message: IncomingMessage, whole: (body: Buffer) => void, length?: number): void {
    let body: Body | undefined
    let chunks: Buffer[] = []
    message.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (!body) {
        if (chunk.length === length) return
        body = this.#begin(message, undefined, false)
        const begun = body
        message.on('close', () => this.#forget(begun))
      }
      this.#came(body, chunk)
    })
    message.on('end', () => {
      if (body) this.#forget(body)
      const [only] = chunks
      const all = only && chunks.length === 1 ? only : Buffer.concat(chunks)
      // The message lives as long as its answer is awaited.
      chunks = []
      whole(all)
    })
  }

  #begin(message: IncomingMessage, giveWay: (() => void) | undefined, isPassedOn: boolean): Body {
    const peer = message.socket.remoteAddress ?? ''
    const since = this.#modules.now()
    const body: Body = {
      message,
      peer,
      since,
      giveWay,
      isPassedOn,
      pieces: 0,
      length: 0,
      bytes: 0,
      state: 'arriving',
    }
    this.#bodies.add(body)
    return body
  }

  #came(body: Body, chunk: Buffer): void {
    if (!this.#bodies.has(body)) return
    body.pieces += 1
    body.length += chunk.length
    this.#count(body, Math.max(body.length, bytesOfPiece * (body.pieces - 1)) - body.bytes)
    this.#makeRoom(body.peer)
  }

  #count(body: Body, bytes: number): void {
    body.bytes += bytes
    this.#bytes += bytes
    const ofPeer = this.#ofPeer(body.peer) + bytes
    if (ofPeer > 0) this.#bytesOf.set(body.peer, ofPeer)
    else this.#bytesOf.delete(body.peer)
  }

  #forget(body: Body): void {
    if (this.#bodies.delete(body)) this.#count(body, -body.bytes)
  }

  #makeRoom(peer: string): void {
    const { mostBytes, mostBytesOfPeer } = this.#limits
    while (this.#ofPeer(peer) > mostBytesOfPeer) if (!this.#cutOne(peer)) break
    while (this.#bytes > mostBytes) if (!this.#cutOne()) break
  }

  /** @param peer its owner, if that matters. @returns false if no body can make room */
  #cutOne(peer?: string): boolean {
    const peers = peer === undefined ? [...this.#bytesOf.keys()] : [peer]
    const greediest = peers.toSorted((a, b) => this.#ofPeer(b) - this.#ofPeer(a))
    const victim = this.#late(peer) ?? first(greediest, (each) => this.#least(each))
    if (!victim) return false
    const { body, why } = victim
    this.#forget(body)
    this.#modules.onCut?.(why)
    if (why === 'kept' || body.isPassedOn) body.giveWay?.()
    else body.message.destroy()
    return true
  }

  #ofPeer(peer: string): number {
    return this.#bytesOf.get(peer) ?? 0
  }

  /** The oldest late one, of the peer with the most late bytes. */
  #late(peer: string | undefined): Victim | undefined {
    const before = this.#modules.now() - lateMs
    const late = new Map<string, { readonly oldest: Body; bytes: number }>()
    for (const body of this.#bodies) {
      // Those after it are younger.
      if (body.since > before) break
      if (body.state !== 'arriving' || body.bytes === 0 || (peer !== undefined && body.peer !== peer))
        continue
      const known = late.get(body.peer)
      if (known) known.bytes += body.bytes
      else late.set(body.peer, { oldest: body, bytes: body.bytes })
    }
    const [most] = [...late.values()].toSorted((a, b) => b.bytes - a.bytes)
    return most && { body: most.oldest, why: 'late' }
  }

  /** The body that a peer loses first. */
  #least(peer: string): Victim | undefined {
    const own = [...this.#bodies].filter((body) => body.peer === peer && body.bytes > 0)
    const arriving = own.find(({ state }) => state === 'arriving')
    if (arriving) return { body: arriving, why: 'arriving' }
    const kept = own.findLast(({ state }) => state === 'kept')
    return kept && { body: kept, why: 'kept' }
  }
}

interface Victim {
  readonly body: Body
  readonly why: BodyCut
}

function first<T, F>(all: readonly T[], find: (each: T) => F | undefined): F | undefined {
  for (const each of all) {
    const found = find(each)
    if (found !== undefined) return found
  }
  return undefined
}
