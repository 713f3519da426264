import { settingNames } from '../../longhorn/setting.ts'
import { type Clock, systemClock } from '../../time/clock.ts'
import type { ClusterClient, Watch } from '../cluster-client.ts'
import { BackingImageController } from './backing-image-controller.ts'
import { ClusterView } from './cluster-view.ts'
import type { ControllerLoop } from './controller-loop.ts'
import { DataSourceController } from './data-source-controller.ts'
import { ManagerPods } from './manager-pods.ts'
import type { NodeManager } from './node-manager.ts'
import { defaultOptions, type LonghornOptions } from './options.ts'
import { ReplicaController } from './replica-controller.ts'
import type { CrashRecord, Report } from './report.ts'
import { apiVersion, resources } from './resources.ts'
import { Writer } from './writer.ts'

/** What the miniature needs from outside. */
interface LonghornModules {
  /** A client for {@link longhornServiceAccount}: all of Longhorn writes as that. */
  readonly client: ClusterClient
  /** Calls the listener after each commit in the cluster; the function it returns ends that. */
  readonly subscribe: (listener: () => void) => () => void
  /** Where the managers' caches come from. */
  readonly watch: Watch
  readonly clock?: Clock
  /** Hears of everything worth a line of a log. */
  readonly report: (report: Report) => void
  /** Hears of each crash at once, before anything else happens. */
  readonly onCrash?: (crash: CrashRecord) => void
}

/**
 * Longhorn's controllers in miniature: a manager on each node that crashes by the predicate of the chosen release,
 * copies that come and go, evictions, replicas that move. With nobody to guard it, it crashes as the real one does.
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

  /** How often the manager of this node has crashed so far. */
  crashCount(node: string): number {
    return this.#crashes.filter((crash) => crash.node === node).length
  }

  /** True while the manager of this node runs. */
  isLive(node: string): boolean {
    return this.#pods.isLive(node)
  }

  /** How many syncs the manager of this node has begun. */
  syncCount(node: string): number {
    return this.#pods.of(node)?.syncCount ?? 0
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

  /** Starts nothing new and waits for every write that runs. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    await Promise.all([this.#pods.stop(), ...this.#controllers.map((controller) => controller.stop())])
  }

  /**
   * Moves to another release, e.g. `v1.9.1`: writes the setting and starts every manager anew.
   *
   * @throws Error when the cluster refuses the setting; the reason has been reported
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

  /** Switches a node's machine off: its manager and all backing image managers on it stop. */
  async powerOff(node: string): Promise<void> {
    await this.#manager(node).powerOff()
  }

  /** The same, and Kubernetes lets go of the node. (Really Longhorn then deletes its own node; here that is left to others.) */
  async letGo(node: string): Promise<void> {
    await this.#manager(node).powerOff(true)
  }

  /** Switches a node's machine on again. */
  async powerOn(node: string): Promise<void> {
    await this.#manager(node).powerOn()
  }

  #manager(node: string): NodeManager {
    const manager = this.#pods.of(node)
    if (!manager)
      throw new Error(
        `no manager runs for node ${node}: there is no such Longhorn node, or it was not seen yet`,
      )
    return manager
  }

  #onCrash(crash: CrashRecord): void {
    this.#crashes.push(crash)
    this.#modules.report({ kind: 'crash', crash })
    this.#modules.onCrash?.(crash)
  }
}
