import type { Ended, EndingKind, HistoryView, Outage, UnseenChanges } from './disk-map-view.ts'
import { MultiMap } from './indexes.ts'
import type { Endings } from './what-ended.ts'

/**
 * The changes that have ended and are still remembered. Memory is bounded: each change is kept once, for a
 * limited time.
 */
export class History implements HistoryView {
  readonly #rememberMs: number
  /** What was remembered before. */
  readonly #earlier: History | undefined
  /** By the subject of the change, the one that ended longest ago first. */
  readonly #ended = new Map<string, Ended>()
  readonly #byDisk = new MultiMap<string, Ended>()
  readonly #unseen = new Map<EndingKind, UnseenChanges>()
  #outage: Outage | undefined

  /**
   * @param rememberMs how long an ended change matters, in milliseconds
   * @param earlier a history that this one adds to; it stays as it is
   */
  constructor(rememberMs: number, earlier?: History) {
    this.#rememberMs = rememberMs
    this.#earlier = earlier
  }

  /** An empty history on top of this one. */
  above(): History {
    return new History(this.#rememberMs, this)
  }

  *ended(): Iterable<Ended> {
    if (this.#earlier) yield* this.#notAgain(this.#earlier.ended())
    yield* this.#ended.values()
  }

  *endedOn(diskUUID: string): Iterable<Ended> {
    if (this.#earlier) yield* this.#notAgain(this.#earlier.endedOn(diskUUID))
    yield* this.#byDisk.get(diskUUID)
  }

  unseen(kind: EndingKind): UnseenChanges | undefined {
    return this.#unseen.get(kind) ?? this.#earlier?.unseen(kind)
  }

  get outage(): Outage | undefined {
    return this.#outage ?? this.#earlier?.outage
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

  /** Those that did not end once more. */
  *#notAgain(earlier: Iterable<Ended>): Iterable<Ended> {
    for (const each of earlier) if (!this.#ended.has(keyOf(each))) yield each
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
