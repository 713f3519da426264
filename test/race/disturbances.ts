/** Something that happens while pairs are sent. */
export interface Disturbance {
  readonly times: number
  /** Resolves once it is over. */
  readonly begin: () => Promise<void>
}

interface Course {
  readonly disturbance: Disturbance
  begun: number
  running: boolean
}

/** Spreads disturbances evenly over so many pairs; each begins after the previous one of its kind is over. */
export class Disturbances {
  readonly #courses: readonly Course[]
  readonly #pairs: number
  readonly #running = new Set<Promise<void>>()

  constructor(disturbances: readonly Disturbance[], pairs: number) {
    this.#pairs = pairs
    this.#courses = disturbances
      .filter(({ times }) => times > 0)
      .map((disturbance) => ({ disturbance, begun: 0, running: false }))
  }

  /** Whether there are any at all. */
  get any(): boolean {
    return this.#courses.length > 0
  }

  /** True until all have happened. */
  get pending(): boolean {
    return this.#courses.some(({ disturbance, begun, running }) => running || begun < disturbance.times)
  }

  /** Begins the disturbances that are due after so many pairs. */
  after(done: number): void {
    for (const course of this.#courses) {
      const { disturbance, begun, running } = course
      const due = ((begun + 1) * this.#pairs) / (disturbance.times + 1)
      if (running || begun >= disturbance.times || done < due) continue
      course.begun += 1
      course.running = true
      const over = disturbance.begin().finally(() => {
        course.running = false
        this.#running.delete(over)
      })
      this.#running.add(over)
    }
  }

  /** Resolves once all disturbances are over. */
  async over(): Promise<void> {
    await Promise.all(this.#running)
  }
}
