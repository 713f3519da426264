import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { Load, type Request, type Turn } from './load.ts'
import type { ProfiledFunction } from './profiler.ts'

/** The servers run on this core. */
const serverCore = 0
/** The load runs on this core, and so does what the servers ask. */
export const loadCore = 1
/** How many ask at once. */
const connections = 50

/** A server that listens on loopback. */
export interface Listening {
  readonly pid: number
  readonly port: number
  /** Takes a profile of it meanwhile, where it is a process of Node. */
  readonly profiled?: (work: () => Promise<void>) => Promise<readonly ProfiledFunction[]>
  stop(): void
}

/** A turn with the CPU time that the server took for it, in milliseconds. */
export interface Measured extends Turn {
  readonly cpuMs: number
}

/** One server of a comparison, pinned to its core if `taskset` exists, and the load for it. */
export class Contender {
  readonly name: string
  readonly #server: Listening
  readonly #load: Load

  private constructor(name: string, server: Listening, load: Load) {
    this.name = name
    this.#server = server
    this.#load = load
  }

  /** @param ca of its certificate; without one, it is asked over plain HTTP */
  static async of(name: string, server: Listening, ca: string | undefined): Promise<Contender> {
    await pin(server.pid, serverCore)
    return new Contender(name, server, new Load(server.port, ca))
  }

  /** Asks it for so long. */
  async turn(request: Request, ms: number): Promise<Measured> {
    await this.#load.connect(connections)
    const before = cpuMsOf(this.#server.pid)
    const turn = await this.#load.turn(request, ms)
    return { ...turn, cpuMs: cpuMsOf(this.#server.pid) - before }
  }

  /** Asks it for so long, and takes a profile of it. @throws if it is no process of Node */
  async profile(
    request: Request,
    ms: number,
  ): Promise<{ readonly functions: readonly ProfiledFunction[]; readonly answers: number }> {
    const { profiled } = this.#server
    if (!profiled) throw new Error(`${this.name} is no process of Node, so it has no such profile.`)
    let answers = 0
    const functions = await profiled(async () => {
      answers = (await this.turn(request, ms)).answers
    })
    return { functions, answers }
  }

  stop(): void {
    this.#load.close()
    this.#server.stop()
  }
}

/** Pins a process to a core. Without `taskset` the kernel chooses, and the figures are less steady. */
export async function pin(pid: number, core: number): Promise<void> {
  const taskset = spawn('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], {
    stdio: 'ignore',
  })
  await new Promise<void>((resolve) => {
    taskset.once('error', () => resolve()).once('exit', () => resolve())
  })
}

/** What a process has used, in milliseconds, by the scheduler's own account of each thread; NaN where there is no Linux. */
function cpuMsOf(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const usedNs = threads.map((id) =>
      Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ', 1)[0]),
    )
    return usedNs.reduce((sum, each) => sum + each, 0) / 1e6
  } catch {
    return NaN
  }
}
