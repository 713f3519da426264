import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order, Said, StrictApi } from './cluster-process.ts'
import type { Stream, Way } from './real-writes.ts'

/** The process with the embedded cluster. */
export class Cluster {
  readonly #child: ChildProcess
  readonly kubeconfig: string
  /** URL of Longhorn's REST API. */
  readonly rest: string
  readonly strict: StrictApi

  private constructor(child: ChildProcess, ready: Extract<Said, { said: 'ready' }>) {
    this.#child = child
    this.kubeconfig = ready.kubeconfig
    this.rest = ready.rest
    this.strict = ready.strict
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  static async start(): Promise<Cluster> {
    const child = fork(join(import.meta.dirname, 'cluster-process.ts'), { execArgv: process.execArgv })
    const said = await messageFrom(child)
    if (said.said !== 'ready') throw new Error('the cluster is not ready')
    return new Cluster(child, said)
  }

  async register(url: string, authorityCert: string): Promise<void> {
    await this.#order({ order: 'register', url, authorityCert })
  }

  async unregister(): Promise<void> {
    await this.#order({ order: 'unregister' })
  }

  /** Real writes for so long, so many a second, and their results. */
  async stream(way: Way, ms: number, perSecond: number): Promise<Stream> {
    const said = await this.#order({ order: 'stream', way, ms, perSecond })
    if (said.said !== 'streamed') throw new Error('nothing was written')
    return said.stream
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  async #order(order: Order): Promise<Said> {
    const coming = messageFrom(this.#child)
    this.#child.send(order)
    return await coming
  }
}

async function messageFrom(child: ChildProcess): Promise<Said> {
  const gone = new AbortController()
  const exited = once(child, 'exit', gone).then(() => {
    throw new Error('the process of the cluster has ended')
  })
  try {
    const [said] = (await Promise.race([once(child, 'message', gone), exited])) as [Said]
    return said
  } finally {
    exited.catch(() => undefined)
    gone.abort()
  }
}
