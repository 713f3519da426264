import type { Parsed } from '../../json/schema.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { type BackingImage, parseBackingImage } from '../../longhorn/backing-image.ts'
import { group, type Kind, kinds, version } from '../../longhorn/kinds.ts'
import { type Node, parseNode } from '../../longhorn/node.ts'
import type { Profile } from '../../longhorn/releases.ts'

/** Options of a request. */
interface How {
  readonly dryRun?: boolean
  /** How long the API server may take, in the form of `kubectl --request-timeout`: `1s`. */
  readonly timeout?: string
}

/** The result of a request. */
export interface RequestOutcome {
  readonly admitted: boolean
  /** The HTTP status. */
  readonly code: number
  /** The message of a denial; empty if allowed. */
  readonly message: string
}

/** A crash of a node's manager, as the cluster reports it. */
interface Crash {
  readonly node: string
  readonly message: string
}

/** The parts of a stage. */
interface DemoClusterModules {
  /** A person's client: the same HTTP that kubectl uses. */
  readonly connection: Connection
  readonly namespace: string
  /** Calls the listener after each change in the cluster; the returned function ends that. */
  readonly subscribe: (listener: () => void) => () => void
  /** Every crash so far. */
  readonly crashes: () => readonly Crash[]
  /** True while the manager of the node runs. */
  readonly isLive: (node: string) => boolean
  /** Calls `fire` once after `ms` milliseconds, unless the returned function is called before. */
  readonly setTimer: (ms: number, fire: () => void) => () => void
  readonly signal: AbortSignal
  /** Called with what the story waits for, and with undefined once that is so. */
  readonly waits?: (what: string | undefined) => void
}

/** Thrown if the cluster behaves differently from the story. */
export class DemoFailed extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DemoFailed'
  }
}

/** The stage of the story: a person's actions on the cluster, and its visible state. */
export class DemoCluster {
  readonly #modules: DemoClusterModules

  constructor(modules: DemoClusterModules) {
    this.#modules = modules
  }

  get crashes(): readonly Crash[] {
    return this.#modules.crashes()
  }

  isLive(node: string): boolean {
    return this.#modules.isLive(node)
  }

  async node(name: string): Promise<Node> {
    return trusted(parseNode(await this.#get('Node', name)))
  }

  async image(name: string): Promise<BackingImage> {
    return trusted(parseBackingImage(await this.#get('BackingImage', name)))
  }

  /** Removes a copy from spec, as `kubectl patch` does. */
  cleanUp(image: string, diskUUID: string, how: How = {}): Promise<RequestOutcome> {
    return this.#patch('BackingImage', image, { diskFileSpecMap: { [diskUUID]: null } }, how)
  }

  /** Asks for a copy on a disk. */
  copyTo(image: string, diskUUID: string, how: How = {}): Promise<RequestOutcome> {
    const file = { evictionRequested: false, dataEngine: 'v1' }
    return this.#patch('BackingImage', image, { diskFileSpecMap: { [diskUUID]: file } }, how)
  }

  /** Disables scheduling on a disk and requests its eviction. */
  evict(node: string, disk: string, how: How = {}): Promise<RequestOutcome> {
    const wanted = { allowScheduling: false, evictionRequested: true }
    return this.#patch('Node', node, { disks: { [disk]: wanted } }, how)
  }

  /** Takes the eviction back and enables scheduling again. */
  stopEvicting(node: string, disk: string, how: How = {}): Promise<RequestOutcome> {
    const wanted = { allowScheduling: true, evictionRequested: false }
    return this.#patch('Node', node, { disks: { [disk]: wanted } }, how)
  }

  /**
   * Waits until a condition is true, and checks it after each change in the cluster.
   *
   * @param what completes the sentence "waited for …"
   * @throws DemoFailed if it is not true in time
   */
  async until(what: string, isSo: () => Promise<boolean> | boolean, withinMs = 30_000): Promise<void> {
    const { subscribe, setTimer, signal, waits } = this.#modules
    waits?.(what)
    const state: { late: boolean; wake?: () => void } = { late: false }
    const wake = () => state.wake?.()
    const unsubscribe = subscribe(wake)
    const cancel = setTimer(withinMs, () => {
      state.late = true
      wake()
    })
    signal.addEventListener('abort', wake)
    try {
      for (;;) {
        signal.throwIfAborted()
        const changed = new Promise<void>((resolve) => (state.wake = resolve))
        if (await isSo()) return
        if (state.late) throw new DemoFailed(`waited ${withinMs / 1_000} s in vain for ${what}`)
        await changed
      }
    } finally {
      signal.removeEventListener('abort', wake)
      unsubscribe()
      cancel()
      waits?.(undefined)
    }
  }

  /** Waits for so many milliseconds. @throws the signal's reason */
  async pause(ms: number): Promise<void> {
    const { setTimer, signal } = this.#modules
    await new Promise<void>((resolve) => setTimer(ms, resolve))
    signal.throwIfAborted()
  }

  async #get(kind: Kind, name: string): Promise<unknown> {
    const { connection, signal } = this.#modules
    const response = await connection.request({ method: 'GET', path: this.#path(kind, name), signal })
    return JSON.parse(await response.text())
  }

  async #patch(kind: Kind, name: string, spec: object, how: How = {}): Promise<RequestOutcome> {
    const { connection, signal } = this.#modules
    const response = await connection.request({
      method: 'PATCH',
      path: this.#path(kind, name),
      query: { ...(how.dryRun && { dryRun: 'All' }), ...(how.timeout && { timeout: how.timeout }) },
      headers: { 'content-type': 'application/merge-patch+json', accept: 'application/json' },
      body: JSON.stringify({ spec }),
      signal,
    })
    const answer: unknown = JSON.parse(await response.text())
    const admitted = response.status < 300
    return { admitted, code: response.status, message: admitted ? '' : messageOf(answer) }
  }

  #path(kind: Kind, name: string): string {
    return `/apis/${group}/${version}/namespaces/${this.#modules.namespace}/${kinds[kind].plural}/${name}`
  }
}

function trusted<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new DemoFailed(`the cluster answered with something else: ${parsed.problem}`)
  return parsed.value
}

function messageOf(status: unknown): string {
  if (typeof status !== 'object' || status === null || !('message' in status)) return ''
  return typeof status.message === 'string' ? status.message : ''
}

/** The objects of every act. */
export interface DemoTargets {
  readonly release: string
  readonly profile: Profile
  readonly image: string
  readonly node: string
  /** The disk whose copy is cleaned up. */
  readonly cleaned: { readonly name: string; readonly uuid: string }
  /**
   * The evicted disk: another one if that is enough for a crash (profile A), else the same (longhorn.md §2).
   */
  readonly evicted: { readonly name: string }
  /** How long you wait for a held request, the first time: `2s`. It is shorter than a clean-up. */
  readonly requestTimeout: string
  /** How long danger lasts in act 1, in milliseconds, so that a person at the page or at kubectl sees it. */
  readonly dangerMs: number
  /** How long an ended change counts here: `2s`. */
  readonly settle: string
}

/** `disk-2 of node-1, another disk`, or `the same disk`. */
export function theEvictedDisk({ cleaned, evicted, node }: DemoTargets): string {
  return evicted.name === cleaned.name
    ? `${evicted.name} of ${node}, the same disk`
    : `${evicted.name} of ${node}, another disk`
}

/** True if this release crashes a manager without a guard. */
export function canCrash({ profile }: DemoTargets): boolean {
  return profile === 'A' || profile === 'B'
}

/** True if the guard holds an eviction on this release; on those before 1.7 it only warns. */
export function guardHolds({ profile }: DemoTargets): boolean {
  return profile !== 'none'
}
