import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Load, type Turn } from './load.ts'
import type { ReviewRequest } from './reviews.ts'
import type { Said, ServerName, Start } from './server-process.ts'

/** A turn with the CPU time that the server took for it, in milliseconds. */
export interface Measured extends Turn {
  readonly cpuMs: number
}

/** One server of the comparison, pinned to its own core if `taskset` exists, and the load for it. */
export class Contender {
  readonly name: ServerName
  readonly #child: ChildProcess
  readonly #load: Load

  private constructor(name: ServerName, child: ChildProcess, load: Load) {
    this.name = name
    this.#child = child
    this.#load = load
  }

  /** @param core its number @param connections how many ask at once */
  static async start(
    start: Start,
    { core, connections }: { core: number; connections: number },
  ): Promise<Contender> {
    const server = join(import.meta.dirname, 'server-process.ts')
    const execArgv = [...process.execArgv, ...(start.name === 'holdfast' ? optionsOfImage() : [])]
    const child = fork(server, { execArgv })
    await pin(child.pid ?? 0, core)
    child.send(start)
    const said = await messageFrom(child)
    if (!('port' in said)) throw new Error(`${start.name} does not listen`)
    return new Contender(start.name, child, await Load.connect(said.port, start.tls.cert, connections))
  }

  /** Asks it for so long. */
  async turn(request: ReviewRequest, ms: number): Promise<Measured> {
    const before = await this.#cpuMs()
    const turn = await this.#load.turn(request, ms)
    return { ...turn, cpuMs: (await this.#cpuMs()) - before }
  }

  stop(): void {
    this.#load.close()
    this.#child.disconnect()
  }

  async #cpuMs(): Promise<number> {
    this.#child.send('cpu')
    const said = await messageFrom(this.#child)
    return 'cpuMs' in said ? said.cpuMs : NaN
  }
}

/** The options of `node` in the image. */
function optionsOfImage(): string[] {
  const dockerfile = readFileSync(join(import.meta.dirname, '../Dockerfile'), 'utf8')
  const [, entrypoint = ''] = /^ENTRYPOINT (.+)$/m.exec(dockerfile) ?? []
  return entrypoint.match(/--[^"]+/g) ?? []
}

async function messageFrom(child: ChildProcess): Promise<Said> {
  const [said] = (await once(child, 'message', { signal: AbortSignal.timeout(60_000) })) as [Said]
  return said
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
