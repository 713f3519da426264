/** Within this time, in milliseconds. */
const withinMs = 60 * 60_000

/** So many times the guard raises flags of one node. A danger that comes back each time has a cause that a person has to find. */
const most = 3

/** How often flags of each node were raised lately. A new leader begins to count anew. */
export class Raises {
  readonly #at = new Map<string, readonly number[]>()

  /** @param now milliseconds by the monotonic clock */
  add(node: string, now: number): void {
    this.#at.set(node, [...this.#lately(node, now), now])
  }

  /** True if flags of the node may go up once more. */
  mayRaise(node: string, now: number): boolean {
    return this.#lately(node, now).length < most
  }

  #lately(node: string, now: number): number[] {
    return (this.#at.get(node) ?? []).filter((at) => now - at < withinMs)
  }
}
