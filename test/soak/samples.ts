import type { Guards } from '../e2e/guards.ts'
import { memoryOf } from '../fixtures/process-memory.ts'
import { type Course, sampleMs } from './memory.ts'

/** Looks at the memory of each replica at even intervals, from its start to its end. */
export class Samples {
  readonly #guards: Guards
  readonly #timer: NodeJS.Timeout
  readonly #courses = new Map<string, number[]>()

  constructor(guards: Guards) {
    this.#guards = guards
    this.#timer = setInterval(() => this.#look(), sampleMs)
  }

  stop(): readonly Course[] {
    clearInterval(this.#timer)
    return [...this.#courses].map(([name, mib]) => ({ name, mib }))
  }

  #look(): void {
    for (const { name, process } of this.#guards.replicas) {
      const mib = memoryWhileItRuns(process.pid)
      if (mib === undefined) continue
      const course = this.#courses.get(name) ?? []
      this.#courses.set(name, course)
      course.push(mib)
    }
  }
}

/** A fault may have killed it. */
function memoryWhileItRuns(pid: number): number | undefined {
  try {
    return memoryOf(pid)
  } catch {
    return undefined
  }
}
