import type { Kind } from '../../longhorn/kinds.ts'
import type { Clock } from '../../time/clock.ts'
import {
  ApiError,
  type ClusterObject,
  type ObjectEvent,
  type OpenWatch,
  type ResourceName,
  type Watch,
} from '../cluster-client.ts'

/** The parts of an informer. */
interface InformerModules {
  readonly watch: Watch
  readonly namespace: string
  readonly clock: Clock
  readonly lag: ChangingLag
  readonly backOff: BackOffOptions
  /** From 0 to 1. */
  readonly random: () => number
  /** The cache has changed, by this object or by a whole list. */
  readonly onChange: (changed: ClusterObject | undefined) => void
}

type State =
  | { readonly phase: 'stopped' }
  | { readonly phase: 'watching'; readonly watch: OpenWatch }
  | { readonly phase: 'backing off'; readonly cancel: () => void }

/**
 * One manager's cache of one kind, as client-go keeps it: a list, then a watch. It lags behind the API
 * server, but keeps the order. After a broken watch it backs off and lists again; until then it shows the
 * past.
 *
 * (client-go also resumes a watch after a normal end, and after a refused connection. Here every end is a
 * break.)
 */
export class Informer {
  readonly #resource: ResourceName
  readonly #modules: InformerModules
  #backOff: BackOff
  #state: State = { phase: 'stopped' }
  #objects = new Map<string, ClusterObject>()
  #synced = false
  /** Changes that have come and are not in the cache yet, the oldest first. */
  #coming: { readonly dueMs: number; readonly apply: () => void }[] = []
  #cancelNext = (): void => undefined

  constructor(resource: ResourceName, modules: InformerModules) {
    this.#resource = resource
    this.#modules = modules
    this.#backOff = new BackOff(modules.backOff, modules.clock.now())
  }

  /** True after the first list. */
  get synced(): boolean {
    return this.#synced
  }

  /** The objects of the cache, by name. */
  get objects(): ReadonlyMap<string, ClusterObject> {
    return this.#objects
  }

  /** Starts empty, like a new pod. */
  start(): void {
    if (this.#state.phase !== 'stopped') return
    this.#backOff = new BackOff(this.#modules.backOff, this.#modules.clock.now())
    this.#open()
  }

  /** Drops everything, like a pod that ends. */
  stop(): void {
    if (this.#state.phase === 'watching') this.#state.watch.close()
    if (this.#state.phase === 'backing off') this.#state.cancel()
    this.#state = { phase: 'stopped' }
    this.#cancelNext()
    this.#coming = []
    this.#objects = new Map()
    this.#synced = false
  }

  #open(): void {
    const { watch, namespace } = this.#modules
    try {
      const opened = watch(this.#resource, namespace, {
        changed: (event) => this.#later(() => this.#apply(event)),
        broken: () => this.#openLater(),
      })
      this.#state = { phase: 'watching', watch: opened }
      // A manager waits for its first list, so the first list cannot lag.
      if (this.#synced) this.#later(() => this.#replace(opened.objects))
      else this.#replace(opened.objects)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      this.#openLater()
    }
  }

  #openLater(): void {
    const { clock, random } = this.#modules
    const pauseMs = this.#backOff.crashed(clock.now())
    // client-go resets its back-off if the previous one began long enough ago.
    this.#backOff.started(clock.now())
    // Jitter 1.0: up to twice the pause (client-go v0.36 tools/cache/reflector.go).
    const cancel = clock.setTimer(pauseMs * (1 + random()), () => this.#open())
    this.#state = { phase: 'backing off', cancel }
  }

  #replace(objects: readonly ClusterObject[]): void {
    this.#objects = new Map(objects.map((object) => [object.metadata.name, object]))
    this.#synced = true
    this.#modules.onChange(undefined)
  }

  #apply({ type, object }: ObjectEvent): void {
    if (type === 'DELETED') this.#objects.delete(object.metadata.name)
    else this.#objects.set(object.metadata.name, object)
    this.#modules.onChange(object)
  }

  /** A shorter lag does not let a change overtake the ones before. */
  #later(apply: () => void): void {
    const { clock, lag } = this.#modules
    const last = this.#coming.at(-1)
    const dueMs = Math.max(clock.now() + lag.at(clock.now()), last?.dueMs ?? 0)
    if (!last && dueMs <= clock.now()) {
      apply()
      return
    }
    this.#coming.push({ dueMs, apply })
    if (!last) this.#waitForNext()
  }

  #waitForNext(): void {
    const [next] = this.#coming
    if (!next) return
    const { clock } = this.#modules
    this.#cancelNext = clock.setTimer(Math.max(0, next.dueMs - clock.now()), () => {
      this.#takeOver()
      this.#waitForNext()
    })
  }

  /**
   * Applies everything that is due. With one timer each, a busy process would leave the cache further behind.
   */
  #takeOver(): void {
    const now = this.#modules.clock.now()
    for (;;) {
      const [next] = this.#coming
      if (!next || next.dueMs > now) return
      this.#coming.shift()
      next.apply()
    }
  }
}

/** The longest lag of a manager's caches in milliseconds, for all kinds or for some only. */
export type InformerLag = number | Readonly<Partial<Record<Kind, number>>>

/** The longest lag of one kind's cache, in milliseconds. */
export function longestLagOf(lag: InformerLag, kind: Kind): number {
  return typeof lag === 'number' ? lag : (lag[kind] ?? 0)
}

/** How far a cache is behind: a random lag up to a maximum, which changes now and then. */
export class ChangingLag {
  readonly #maxMs: number
  readonly #random: () => number
  #lagMs = 0
  #untilMs = -Infinity

  /** @param random from 0 to 1 */
  constructor(maxMs: number, random: () => number) {
    this.#maxMs = maxMs
    this.#random = random
  }

  /** @param now milliseconds since 1970 @returns milliseconds */
  at(now: number): number {
    if (this.#maxMs === 0) return 0
    if (now >= this.#untilMs) {
      this.#lagMs = this.#random() * this.#maxMs
      this.#untilMs = now + this.#random() * this.#maxMs
    }
    return this.#lagMs
  }
}

/** CrashLoopBackOff: each pause is twice the previous one, until the pod has run well for a while. */
interface BackOffOptions {
  readonly restartMs: number
  readonly maxRestartMs: number
  readonly healthyMs: number
}

/** How long a manager that crashed stays down. */
export class BackOff {
  readonly #options: BackOffOptions
  #pauseMs: number
  #runningSince: number

  /** @param now milliseconds since 1970 */
  constructor(options: BackOffOptions, now: number) {
    this.#options = options
    this.#pauseMs = options.restartMs
    this.#runningSince = now
  }

  /** A crash: returns the pause before the next start, in milliseconds. */
  crashed(now: number): number {
    if (now - this.#runningSince >= this.#options.healthyMs) this.#pauseMs = this.#options.restartMs
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(pauseMs * 2, this.#options.maxRestartMs)
    return pauseMs
  }

  started(now: number): void {
    this.#runningSince = now
  }

  /** A new pod, as after an upgrade, starts without the crashes of its predecessor. */
  reset(now: number): void {
    this.#pauseMs = this.#options.restartMs
    this.#runningSince = now
  }
}
