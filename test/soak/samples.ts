import { fileURLToPath } from 'node:url'
import { fieldOf } from '../../src/json/schema.ts'
import type { Guards, Replica } from '../e2e/guards.ts'
import { memoryOf } from '../fixtures/process-memory.ts'
import { type Course, type Look, sampleMs } from './memory.ts'

/** Options of `node` for a guard that tells what it keeps. */
export const tellsLiveMemory = [
  '--expose-gc',
  `--import=${fileURLToPath(new URL('live-memory.mjs', import.meta.url))}`,
] as const

/** A guard that stands still does not answer. */
const answerMs = 5_000

/** Looks at the memory of each replica at even intervals, from its start to its end. */
export class Samples {
  readonly #guards: Guards
  readonly #timer: NodeJS.Timeout
  readonly #courses = new Map<string, Look[]>()
  #looking: Promise<unknown> = Promise.resolve()

  constructor(guards: Guards) {
    this.#guards = guards
    this.#timer = setInterval(() => {
      this.#looking = Promise.all(this.#guards.replicas.map((replica) => this.#look(replica)))
    }, sampleMs)
  }

  async stop(): Promise<readonly Course[]> {
    clearInterval(this.#timer)
    await this.#looking
    return [...this.#courses].map(([name, looks]) => ({ name, looks }))
  }

  async #look(replica: Replica): Promise<void> {
    // Before the collection, which makes it smaller.
    const resident = memoryWhileItRuns(replica.process.pid)
    if (resident === undefined) return
    const live = await liveMemory(replica)
    const looks = this.#courses.get(replica.name) ?? []
    this.#courses.set(replica.name, looks)
    looks.push({ resident, live })
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

/** What it keeps, in MiB. */
async function liveMemory({ process }: Replica): Promise<number | undefined> {
  const from = process.lineCount
  process.signal('SIGUSR2')
  try {
    return await process.line(liveBytes, { from, ms: answerMs }).then((bytes) => bytes / 2 ** 20)
  } catch {
    return undefined
  }
}

function liveBytes(line: string): number | undefined {
  if (!line.includes('"live memory"')) return undefined
  const bytes = fieldOf(JSON.parse(line), 'bytes')
  return typeof bytes === 'number' ? bytes : undefined
}
