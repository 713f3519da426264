import { settingNames } from '../../longhorn/setting.ts'
import { type Clock, systemClock } from '../../time/clock.ts'
import type { ClusterClient, Watch } from '../cluster-client.ts'
import { BackingImageController } from './backing-image-controller.ts'
import { ClusterView } from './cluster-view.ts'
import type { ControllerLoop } from './controller-loop.ts'
import { DataSourceController } from './data-source-controller.ts'
import { managerPodName } from './manager-pod.ts'
import { ManagerPods } from './manager-pods.ts'
import type { NodeManager } from './node-manager.ts'
import { defaultOptions, type LonghornOptions } from './options.ts'
import { ReplicaController } from './replica-controller.ts'
import type { CrashRecord, Report } from './report.ts'
import { apiVersion, resources } from './resources.ts'
import { Writer } from './writer.ts'

/** The parts that the miniature needs. */
interface LonghornModules {
  /** A client for {@link longhornServiceAccount}: all of Longhorn writes as that account. */
  readonly client: ClusterClient
  /** Calls the listener after each commit in the cluster; the returned function ends that. */
  readonly subscribe: (listener: () => void) => () => void
  /** The source of the managers' caches. */
  readonly watch: Watch
  readonly clock?: Clock
  /** Called for everything that is worth a log line. */
  readonly report: (report: Report) => void
  /** Called for each crash at once, before anything else happens. */
  readonly onCrash?: (crash: CrashRecord) => void
}

/**
 * Longhorn's controllers in miniature: a manager on each node that crashes by the predicate of the chosen
 * release, copies that come and go, evictions, replicas that move. Without a guard it crashes as the real one
 * does.
 */
export class Longhorn {
  readonly #modules: LonghornModules
  readonly #options: LonghornOptions
  readonly #view: ClusterView
  readonly #writer: Writer
  readonly #pods: ManagerPods
  readonly #controllers: readonly ControllerLoop[]
  readonly #crashes: CrashRecord[] = []
  #unsubscribe: (() => void) | undefined

  constructor(modules: LonghornModules, options: Partial<LonghornOptions> = {}) {
    const { client, watch, report, clock = systemClock } = modules
    this.#modules = modules
    this.#options = { ...defaultOptions, ...options }
    this.#view = new ClusterView(client, this.#options.namespace)
    this.#writer = new Writer(client, this.#options, report)
    const given = { view: this.#view, writer: this.#writer, clock, options: this.#options, report }
    this.#pods = new ManagerPods({ ...given, watch, onCrash: (crash) => this.#onCrash(crash) })
    const cluster = { ...given, managers: this.#pods }
    this.#controllers = [
      new BackingImageController(cluster).loop,
      new DataSourceController(cluster).loop,
      new ReplicaController(cluster).loop,
    ]
  }

  /** Every crash so far, the oldest first. */
  get crashes(): readonly CrashRecord[] {
    return this.#crashes
  }

  /** The number of crashes of this node's manager so far. */
  crashCount(node: string): number {
    return this.#crashes.filter((crash) => crash.node === node).length
  }

  /** True while the manager of this node runs. */
  isLive(node: string): boolean {
    return this.#pods.isLive(node)
  }

  /** False while no manager runs, although there are nodes. */
  get isAnyLive(): boolean {
    return this.#pods.isEmpty || this.#pods.anyLive() !== undefined
  }

  /** The number of syncs that this node's manager has begun. */
  syncCount(node: string): number {
    return this.#pods.of(node)?.syncCount ?? 0
  }

  /** What `kubectl logs --previous` shows of the pod of a manager; undefined for one that never crashed, and for other pods. */
  previousLog(pod: string): string | undefined {
    const node = this.#crashes.find((crash) => managerPodName(crash.node) === pod)?.node
    return node === undefined ? undefined : this.#pods.of(node)?.previousLog
  }

  start(): void {
    if (this.#unsubscribe) return
    this.#unsubscribe = this.#modules.subscribe(() => {
      this.#view.invalidate()
      this.#pods.wake()
      for (const controller of this.#controllers) controller.wake()
    })
    this.#view.invalidate()
    this.#pods.start()
    for (const controller of this.#controllers) controller.start()
  }

  /** Starts nothing new and waits for every running write. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    await Promise.all([this.#pods.stop(), ...this.#controllers.map((controller) => controller.stop())])
  }

  /**
   * Moves to another release, e.g. `v1.9.1`: writes the setting and restarts every manager.
   *
   * @throws Error if the cluster denies the setting; the reason has been reported
   */
  async setRelease(version: string): Promise<void> {
    const { namespace } = this.#options
    const name = settingNames.currentVersion
    let written = await this.#writer.edit({ resource: resources.Setting, name }, 'main', (newest) => ({
      ...newest,
      value: version,
    }))
    if (written === 'gone') {
      const setting = { apiVersion, kind: 'Setting', metadata: { name, namespace }, value: version }
      written = await this.#writer.create(resources.Setting, setting)
    }
    if (written === 'refused')
      throw new Error(
        `the setting ${name} could not be set to ${version}, so Longhorn stays on its release; read the reported refusal and try again`,
      )
    this.#pods.renew()
  }

  /** Replaces the manager of a node, as the deletion of its pod does: it begins anew, at once. */
  async replaceManager(node: string): Promise<void> {
    const manager = await this.#manager(node)
    manager.renew()
  }

  /** Powers a node off: its manager and all backing image managers on it stop. */
  async powerOff(node: string): Promise<void> {
    const manager = await this.#manager(node)
    await manager.powerOff()
  }

  /**
   * The same, and Kubernetes removes the node. (The real Longhorn then deletes its own node; here a test does
   * that.)
   */
  async letGo(node: string): Promise<void> {
    const manager = await this.#manager(node)
    await manager.powerOff(true)
  }

  /** Powers a node on again. */
  async powerOn(node: string): Promise<void> {
    const manager = await this.#manager(node)
    await manager.powerOn()
  }

  async #manager(node: string): Promise<NodeManager> {
    // The node may be newer than the last look.
    if (!this.#pods.of(node)) await this.#pods.look()
    const manager = this.#pods.of(node)
    if (!manager) throw new Error(`no manager runs for node ${node}: there is no such Longhorn node`)
    return manager
  }

  #onCrash(crash: CrashRecord): void {
    this.#crashes.push(crash)
    this.#modules.report({ kind: 'crash', crash })
    this.#modules.onCrash?.(crash)
  }
}
