import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Settings } from '../../src/configuration/settings.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import type { ServingCertificate } from '../../src/tls/stored.ts'
import type { Said, Start } from './guard-process.ts'
import type { Replicas, StartReplicas } from './guarded-sandbox.ts'
import { replicaNames } from './replicas-here.ts'
import { whenReserved } from './when-reserved.ts'

/** One replica, in whatever state. */
interface Replica {
  readonly name: string
  readonly start: Start
  child: ChildProcess
  /** Undefined while it cannot be reached. */
  port: number | undefined
}

/** Two replicas, each a process that can be killed, paused and restarted. */
export class ReplicaProcesses implements Replicas {
  readonly #sandbox: Sandbox
  readonly #replicas: readonly Replica[]
  #turn = 0
  /** When one last started, by `performance.now()`. */
  lastStart = 0

  private constructor(sandbox: Sandbox, replicas: readonly Replica[]) {
    this.#sandbox = sandbox
    this.#replicas = replicas
  }

  /**
   * @param clocksMs by so much the clock of the first is behind, and that of the second ahead
   * @param byTimeOfDay weakened: reservations end at their deadline by these clocks
   */
  static with(settings: Settings, clocksMs: number, byTimeOfDay = false): StartReplicas<ReplicaProcesses> {
    return async (sandbox: Sandbox, { cert, key }: ServingCertificate) => {
      const replicas: Replica[] = []
      for (const [at, name] of replicaNames.entries()) {
        const clockOffMs = at === 0 ? -clocksMs : clocksMs
        const start = {
          server: sandbox.api.url,
          cert,
          key,
          settings: { ...settings, replica: name },
          clockOffMs,
          byTimeOfDay,
        }
        replicas.push({ name, start, ...(await started(start)) })
      }
      return new ReplicaProcesses(sandbox, replicas)
    }
  }

  get ports(): readonly number[] {
    return this.#replicas.flatMap(({ port }) => port ?? [])
  }

  /** Kills one replica in the moment in which it has reserved something, and starts it again under its name. */
  async restartOne(): Promise<void> {
    const replica = this.#next()
    await whenReserved(this.#sandbox, replica.name, () => {
      replica.port = undefined
      replica.child.kill('SIGKILL')
    })
    await once(replica.child, 'exit')
    Object.assign(replica, await started(replica.start))
    this.lastStart = performance.now()
  }

  /** Lets one replica stand still for a while, from the moment in which it has reserved something. */
  async pauseOne(ms: number): Promise<void> {
    const replica = this.#next()
    const { port } = replica
    await whenReserved(this.#sandbox, replica.name, () => {
      replica.port = undefined
      replica.child.kill('SIGSTOP')
    })
    await setTimeout(ms)
    replica.child.kill('SIGCONT')
    replica.port = port
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#replicas.map(async ({ child }) => {
        const exited = once(child, 'exit')
        child.disconnect()
        await exited
      }),
    )
  }

  #next(): Replica {
    const replica = this.#replicas[this.#turn++ % this.#replicas.length]
    if (!replica) throw new Error('there is no replica')
    return replica
  }
}

async function started(start: Start): Promise<Pick<Replica, 'child' | 'port'>> {
  const child = fork(join(import.meta.dirname, 'guard-process.ts'), { stdio: 'inherit' })
  const said = once(child, 'message') as Promise<[Said]>
  child.send(start)
  const [answer] = await said
  if (!('port' in answer)) throw new Error('a replica did not say where it listens')
  return { child, port: answer.port }
}
