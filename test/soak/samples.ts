import type { Guards } from '../e2e/guards.ts'
import { type Course, residentMiB, sampleMs } from './memory.ts'

/** Looks at the memory of each replica at even intervals, from its start to its end. */
export class Samples {
  readonly #guards: Guards
  readonly #timer: NodeJS.Timeout
  readonly #courses = new Map<string, number[]>()
  #running: Promise<void> = Promise.resolve()

  constructor(guards: Guards) {
    this.#guards = guards
    this.#timer = setInterval(() => {
      this.#running = this.#look()
    }, sampleMs)
  }

  async stop(): Promise<readonly Course[]> {
    clearInterval(this.#timer)
    await this.#running
    return [...this.#courses].map(([name, mib]) => ({ name, mib }))
  }

  async #look(): Promise<void> {
    for (const { name, process } of this.#guards.replicas) {
      const mib = await residentMiB(process.pid)
      if (mib === undefined) continue
      const course = this.#courses.get(name) ?? []
      this.#courses.set(name, course)
      course.push(mib)
    }
  }
}
