import { holdfast } from '../fixtures/main.ts'
import { contained, readUnpacked, type Start, type UnpackedImage } from '../image/contained.ts'
import { Balancer, type Exchange } from '../race/balancer.ts'
import { Child } from './child.ts'

/** The Deployment's settings of each replica. */
export interface PodTemplate {
  /** The arguments with which `node` runs the image's program; this version's own by default. */
  readonly program?: readonly string[]
  /** The container's arguments. */
  readonly args: readonly string[]
  /** The container's folders on this machine, by their paths in the container. */
  readonly mounts?: Readonly<Record<string, string>>
  /** Where a container finds the API server. */
  readonly env?: Readonly<Record<string, string>>
  /** Variables of a process outside of a container. */
  readonly variables?: Readonly<Record<string, string>>
  /** Where a process outside of a container finds it. */
  readonly kubeconfig?: string
  /** Flags that a pod does not need, such as on which loopback port to listen. */
  readonly here: readonly string[]
}

/** Where a replica listens on loopback. */
interface Ports {
  readonly port: number
  readonly healthPort: number
  /** 0 for a version without one. */
  readonly operatorPort: number
}

/** The image that HOLDFAST_IMAGE names, in whose files the guards then run. */
export const image =
  process.env.HOLDFAST_IMAGE === undefined ? undefined : readUnpacked(process.env.HOLDFAST_IMAGE)

/** A replica of the guard, as a process: in a container of the image if there is one, and otherwise on this machine. */
export class Replica {
  readonly name: string
  readonly process: Child
  /** The last result of its readiness probe. */
  ready = false

  constructor(name: string, template: PodTemplate) {
    this.name = name
    const { program, args, env } =
      image !== undefined && template.program === undefined && template.env !== undefined
        ? inContainer(image, name, template, template.env)
        : asProcess(name, template)
    this.process = new Child(name, program, args, env)
  }

  /** The ports it took. @throws when it does not come to that */
  async ports(): Promise<Ports> {
    return await this.process.line((line) => {
      const { msg, port, healthPort, operatorPort } = logEntry(line) ?? {}
      return msg === 'listening' && typeof port === 'number' && typeof healthPort === 'number'
        ? { port, healthPort, operatorPort: typeof operatorPort === 'number' ? operatorPort : 0 }
        : undefined
    })
  }

  /** Waits for a message in the log. */
  async said(text: string, from = 0): Promise<Record<string, unknown>> {
    return await this.process.line(
      (line) => {
        const entry = logEntry(line)
        return entry?.msg === text ? entry : undefined
      },
      { from, ms: 120_000 },
    )
  }
}

/** A replica that stands still does not answer its probe. */
const probeTimeoutMs = 3_000

/** Replicas of the guard, and a Service that follows their readiness as the kubelet and kube-proxy do. */
export class Guards {
  #template: PodTemplate
  readonly #replicas = new Map<Replica, Ports>()
  readonly #stopping = new AbortController()
  readonly #probing: Promise<void>
  #balancer: Balancer | undefined
  #started = 0
  #calls = 0

  private constructor(template: PodTemplate) {
    this.#template = template
    this.#probing = this.#probe()
  }

  /** @param at the Service's cluster IP and port */
  static async start(template: PodTemplate, at: { host: string; port: number }): Promise<Guards> {
    const guards = new Guards(template)
    guards.#balancer = await Balancer.start(() => guards.#choose(), at)
    return guards
  }

  get replicas(): readonly Replica[] {
    return [...this.#replicas.keys()]
  }

  /** When the guards' answers came back to the API server; see {@link Balancer.answeredAt}. */
  answeredAt(since: number): readonly number[] {
    return this.#balancer?.answeredAt(since) ?? []
  }

  /** How long the guards took for each request of the API server; see {@link Balancer.exchangesSince}. */
  exchangesSince(since: number): readonly Exchange[] {
    return this.#balancer?.exchangesSince(since) ?? []
  }

  /** One more replica, that is ready. @param flags besides those of the Deployment */
  async add(...flags: readonly string[]): Promise<Replica> {
    return await this.join(this.launch(...flags))
  }

  /** Starts a replica that the Service does not know yet. @param flags besides those of the Deployment */
  launch(...flags: readonly string[]): Replica {
    this.#started += 1
    const { here, ...rest } = this.#template
    return new Replica(`holdfast-${this.#started}`, { ...rest, here: [...here, ...flags] })
  }

  /** Replaces each replica as a rollout of another template does: a new one is ready before an old one leaves. */
  async rollOut(template: PodTemplate): Promise<void> {
    this.#template = template
    for (const old of this.replicas) {
      await this.add()
      await this.remove(old)
    }
  }

  /** Waits until a replica is ready. @throws when it does not come to that, and ends it */
  async join(replica: Replica): Promise<Replica> {
    try {
      this.#replicas.set(replica, await replica.ports())
      await this.#untilReady(replica)
      return replica
    } catch (error) {
      await this.remove(replica, 'SIGKILL')
      throw error
    }
  }

  /** Ends one, by SIGTERM unless said otherwise. */
  async remove(replica: Replica, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await replica.process.end(signal)
    this.#replicas.delete(replica)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.replicas.map((replica) => this.remove(replica, 'SIGKILL')))
    await this.#probing
    await this.#balancer?.stop()
  }

  #choose(): number | undefined {
    const ready = [...this.#replicas].filter(([replica]) => replica.ready)
    this.#calls += 1
    return ready[this.#calls % ready.length]?.[1].port
  }

  async #untilReady(replica: Replica): Promise<void> {
    const until = performance.now() + 60_000
    while (!replica.ready) {
      if (performance.now() > until) throw new Error(`${replica.name} is not ready:\n${replica.process.last}`)
      await pause(50)
    }
  }

  /** The kubelet asks every 5 s; here it is quicker, and what it finds counts at once. */
  async #probe(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      for (const [replica, { healthPort }] of this.#replicas) {
        const signal = AbortSignal.timeout(probeTimeoutMs)
        replica.ready = await fetch(`http://127.0.0.1:${healthPort}/readyz`, { signal }).then(
          ({ ok }) => ok,
          () => false,
        )
      }
      await pause(200)
    }
  }
}

function inContainer(
  from: UnpackedImage,
  name: string,
  { args, here, mounts = {} }: PodTemplate,
  env: Readonly<Record<string, string>>,
): Start {
  const names = { POD_NAME: name, HOLDFAST_REPLICA: name }
  return contained(from, { args: [...args, ...here], mounts, env: { ...env, ...names } })
}

function asProcess(name: string, template: PodTemplate): Start {
  const { program = holdfast, args, mounts = {}, variables, kubeconfig, here } = template
  const local = [...args, ...here].map((arg) =>
    Object.entries(mounts).reduce((path, [mount, folder]) => path.replace(mount, folder), arg),
  )
  const cluster = kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]
  return {
    program: process.execPath,
    args: [...program, ...local, ...cluster],
    env: { ...variables, PATH: process.env.PATH ?? '', HOME: '/dev/null', HOLDFAST_REPLICA: name },
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function logEntry(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    // Node itself writes plain text when a process breaks.
    return undefined
  }
}
