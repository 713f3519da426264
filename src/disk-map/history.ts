import {
  type Ended,
  type EndingKind,
  endingKinds,
  type HistoryView,
  type Outage,
  type UnseenChanges,
} from './disk-map-view.ts'
import { MultiMap } from './indexes.ts'
import type { Endings } from './what-ended.ts'

/**
 * The changes that have ended and are still remembered. Memory is bounded: each change is kept once, for a
 * limited time.
 */
export class History implements HistoryView {
  readonly #rememberMs: number
  /** By the subject of the change, the one that ended longest ago first. */
  readonly #ended = new Map<string, Ended>()
  readonly #byDisk = new MultiMap<string, Ended>()
  readonly #unseen = new Map<EndingKind, UnseenChanges>()
  #outage: Outage | undefined

  /** @param rememberMs how long an ended change matters, in milliseconds */
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

  /** Adds the changes that one object ended. @param at milliseconds by the monotonic clock */
  add(kind: EndingKind, name: string, { ended, unseen }: Endings, at: number): void {
    for (const each of ended) this.#keep(each)
    if (unseen) this.#unseen.set(kind, { kind, name, what: unseen, at })
    if (ended.length > 0) this.#forget(at)
  }

  /**
   * @param began the last moment at which the connection was known to work, in milliseconds by the monotonic
   * clock
   */
  outageBegan(began: number): void {
    const before = this.#outage
    // An outage shortly after another one has the same effect on a manager that lags.
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
    // Removed first, so that the order stays that of time.
    this.#ended.delete(key)
    this.#ended.set(key, ended)
    this.#byDisk.add(ended.diskUUID, ended)
  }

  /** A change that ended shortly before an outage counts for longer, so it is kept for longer. */
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
