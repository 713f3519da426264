import { MultiMap } from './indexes.ts'
import type { Endings } from './what-ended.ts'

/** A clean-up that is over: status lists the copy no longer, spec lists it again, or the image is gone. */
export interface EndedCleanup {
  readonly what: 'clean-up'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A first file that is finished, given up, or made on another disk now. */
interface EndedFirstFile {
  readonly what: 'first file'
  readonly image: string
  readonly diskUUID: string
  readonly at: number
}

/** A disk that no eviction concerns any more: flags were cleared, or the disk or its node is gone. */
export interface EndedEviction {
  readonly what: 'eviction'
  readonly node: string
  /** The name of the disk there. */
  readonly disk: string
  readonly diskUUID: string
  /** True if this very disk was to be emptied, false if another disk of its node was (longhorn.md §2, profile A). */
  readonly evicting: boolean
  readonly at: number
}

/**
 * Something that is over. Longhorn may not have noticed yet: its managers work on copies of objects that lag. `at` is
 * when the disk map was told, in milliseconds by the monotonic clock, so never before it was so.
 */
export type Ended = EndedCleanup | EndedFirstFile | EndedEviction

/** The kinds of which something can end. */
export const endingKinds = ['Node', 'BackingImage', 'BackingImageDataSource'] as const

/** One of the {@link endingKinds}. */
export type EndingKind = (typeof endingKinds)[number]

/** True for a kind of which something can end. */
export function canEnd(kind: string): kind is EndingKind {
  return endingKinds.some((each) => each === kind)
}

/**
 * Why more may have ended than can be told by disk:
 *
 * - `missed`: there were more changes of spec than the disk map was told, by the object's generation. In between an image
 *   may have been cleaned up on any disk, those included that it has no more, and a node may have had a flag and any disk.
 * - `no UUID`: an eviction ended on these disks of a node, of which nobody knows yet which they are.
 */
export type Unseen =
  { readonly why: 'missed' } | { readonly why: 'no UUID'; readonly disks: readonly string[] }

/** What may have ended on any disk. */
export interface UnseenChanges {
  readonly kind: EndingKind
  readonly name: string
  readonly what: Unseen
  /** When the disk map learnt of it: whatever came and went did so before; in milliseconds by the monotonic clock. */
  readonly at: number
}

/** A time in which the connection to the API server was broken, and so perhaps those of Longhorn's managers. */
export interface Outage {
  /** The last moment before it that all was known to be well, in milliseconds by the monotonic clock. */
  readonly began: number
  /** Undefined while it lasts. */
  readonly ended: number | undefined
}

/** What a history tells. */
export interface HistoryView {
  /** All that is over and still remembered. */
  ended(): Iterable<Ended>
  /** What of it was on the disk. */
  endedOn(diskUUID: string): Iterable<Ended>
  /** The latest such changes of this kind. */
  unseen(kind: EndingKind): UnseenChanges | undefined
  /** The latest, with those shortly before it. */
  readonly outage: Outage | undefined
}

/** What is over and still remembered. Memory is bounded: each thing is kept once, and for so long only. */
export class History implements HistoryView {
  readonly #rememberMs: number
  /** By what it is about, the one that ended longest ago first. */
  readonly #ended = new Map<string, Ended>()
  readonly #byDisk = new MultiMap<string, Ended>()
  readonly #unseen = new Map<EndingKind, UnseenChanges>()
  #outage: Outage | undefined

  /** @param rememberMs how long it is of use to know what is over, in milliseconds */
  constructor(rememberMs: number, earlier?: HistoryView) {
    this.#rememberMs = rememberMs
    if (!earlier) return
    for (const each of earlier.ended()) this.#keep(each)
    for (const kind of endingKinds) {
      const unseen = earlier.unseen(kind)
      if (unseen) this.#unseen.set(kind, unseen)
    }
    this.#outage = earlier.outage
  }

  ended(): Iterable<Ended> {
    return this.#ended.values()
  }

  endedOn(diskUUID: string): Iterable<Ended> {
    return this.#byDisk.get(diskUUID)
  }

  unseen(kind: EndingKind): UnseenChanges | undefined {
    return this.#unseen.get(kind)
  }

  get outage(): Outage | undefined {
    return this.#outage
  }

  /** Takes in what an object ended. @param at milliseconds by the monotonic clock */
  add(kind: EndingKind, name: string, { ended, unseen }: Endings, at: number): void {
    for (const each of ended) this.#keep(each)
    if (unseen) this.#unseen.set(kind, { kind, name, what: unseen, at })
    if (ended.length > 0) this.#forget(at)
  }

  /** @param began the last moment that all was known to be well, in milliseconds by the monotonic clock */
  outageBegan(began: number): void {
    const before = this.#outage
    // One that came shortly after another is the same to whoever lags.
    const joins = before && (before.ended === undefined || began - before.ended < this.#rememberMs)
    this.#outage = { began: joins ? Math.min(before.began, began) : began, ended: undefined }
  }

  outageEnded(at: number): void {
    if (this.#outage) this.#outage = { ...this.#outage, ended: at }
  }

  #keep(ended: Ended): void {
    const key = keyOf(ended)
    const before = this.#ended.get(key)
    if (before) this.#byDisk.delete(before.diskUUID, before)
    // Taken out first, so that the order stays that of time.
    this.#ended.delete(key)
    this.#ended.set(key, ended)
    this.#byDisk.add(ended.diskUUID, ended)
  }

  /** What ended shortly before an outage counts for longer, so it is kept for longer. */
  #forget(now: number): void {
    const outage = this.#outage
    const lasts = outage && (outage.ended === undefined || now - outage.ended < this.#rememberMs)
    const oldest = (lasts ? outage.began : now) - this.#rememberMs
    for (const [key, ended] of this.#ended) {
      if (ended.at >= oldest) break
      this.#ended.delete(key)
      this.#byDisk.delete(ended.diskUUID, ended)
    }
  }
}

function keyOf(ended: Ended): string {
  switch (ended.what) {
    case 'clean-up':
    case 'first file':
      return [ended.what, ended.image, ended.diskUUID].join(' ')
    case 'eviction':
      return [ended.what, ended.node, ended.disk, ended.diskUUID, String(ended.evicting)].join(' ')
  }
}
