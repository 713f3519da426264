/** Lets one act at a time, in the order in which they are asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  /** @throws what the act throws; the next has its turn all the same */
  take<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(act)
    this.#last = mine.then(
      () => undefined,
      () => undefined,
    )
    return mine
  }
}
