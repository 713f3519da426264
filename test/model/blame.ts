import { type Change, nameOf } from '../../src/rules/change.ts'
import type { Wish } from './request.ts'
import type { Store } from './store.ts'

/** The author of an object's change, at one moment. */
interface Author {
  readonly object: string
  readonly wish: number
}

/**
 * Separates the accepted effects of an override from broken promises. Of two changes that cause an effect together, the
 * second one on a common entry is responsible, since it found the other there. Without a common entry it is the one that
 * was admitted last. An override without reservations or reads is responsible for all: its answer says that it was not
 * judged.
 */
export class Blame {
  readonly #wishes: readonly Wish[]
  /** The wishes that were admitted, in the order of their last admission. */
  readonly #admitted: number[] = []
  /** Those of them of which nothing could be found out. */
  readonly #unjudged = new Set<number>()
  /** The wish that was committed last on each object. */
  readonly #authors = new Map<string, number>()
  readonly #stamps = new Set<string>()
  /** The reservations of each entry, by object, in the order of the last time. */
  readonly #reserved = new Map<string, string[]>()

  constructor(wishes: readonly Wish[]) {
    this.#wishes = wishes
  }

  /** A wish was admitted, perhaps not for the first time. @param unjudged true if nothing could be found out about it */
  admit(at: number, unjudged: boolean): void {
    last(this.#admitted, at)
    if (unjudged) this.#unjudged.add(at)
    else this.#unjudged.delete(at)
  }

  commit(at: number, change: Change): void {
    if (this.#wishes[at]?.clears !== true) this.#authors.set(`${change.kind}/${nameOf(change)}`, at)
  }

  /** Reads the reservations that are new since its last look. */
  look(store: Store): void {
    if (!this.#matters) return
    for (const [, leases] of store.allLeases()) {
      for (const { entry } of leases.entries()) {
        const order = this.#reserved.get(entry.key) ?? []
        this.#reserved.set(entry.key, order)
        for (const { stamp, kind, name } of entry.reservations) {
          if (this.#stamps.has(stamp)) continue
          this.#stamps.add(stamp)
          last(order, `${kind}/${name}`)
        }
      }
    }
  }

  /** True if this node and this image came together knowingly. */
  isKnown(node: string, image: string): boolean {
    return this.#isOverride([`Node/${node}`, `BackingImage/${image}`, `BackingImageDataSource/${image}`])
  }

  /** True if an image was lost knowingly, to whatever happened to nodes. */
  isKnownLoss(image: string): boolean {
    const nodes = [...this.#authors.keys()].filter((key) => key.startsWith('Node/'))
    return this.#isOverride([...nodes, `BackingImage/${image}`])
  }

  /** For telling states apart, where it makes a difference. */
  shown(): string {
    if (!this.#matters) return ''
    const authors = [...this.#authors].map(String).toSorted()
    const reserved = [...this.#reserved].map(String).toSorted()
    return [this.#admitted, [...this.#unjudged], authors, reserved].map(String).join('|')
  }

  get #matters(): boolean {
    return this.#wishes.some(({ overrides }) => overrides)
  }

  #isOverride(objects: readonly string[]): boolean {
    const authors = objects.flatMap((object): Author[] => {
      const wish = this.#authors.get(object)
      return wish === undefined ? [] : [{ object, wish }]
    })
    return authors.some(
      (one) =>
        this.#wishes[one.wish]?.overrides === true &&
        (this.#unjudged.has(one.wish) ||
          authors.every((other) => other === one || this.#cameSecond(one, other))),
    )
  }

  #cameSecond(one: Author, other: Author): boolean {
    const met = [...this.#reserved.values()].filter(
      (order) => order.includes(one.object) && order.includes(other.object),
    )
    if (met.length > 0) return met.some((order) => order.indexOf(one.object) > order.indexOf(other.object))
    return this.#admitted.indexOf(one.wish) > this.#admitted.indexOf(other.wish)
  }
}

function last<T>(order: T[], value: T): void {
  const before = order.indexOf(value)
  if (before >= 0) order.splice(before, 1)
  order.push(value)
}
