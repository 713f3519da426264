import type { Kind } from '../../longhorn/kinds.ts'
import { timestamp } from '../../time/clock.ts'
import type { ClusterObject, Watch } from '../cluster-client.ts'
import { object } from '../json.ts'
import { type ControllerModules, SyncLoop } from './controller-loop.ts'
import { DiskMonitor } from './disk-monitor.ts'
import { BackOff } from './informer.ts'
import { crashLog, managerPod, managerPodName, type PodState } from './manager-pod.ts'
import { CachedWriter, ManagerCache } from './manager-cache.ts'
import { type NotReady, withNotReady } from './node-status.ts'
import { syncNode, type SyncResult } from './node-sync.ts'
import { NodeWork } from './node-work.ts'
import { type NodeObject, readNode, readReplica } from './objects.ts'
import { Pauses } from './options.ts'
import { crashEvent, type CrashRecord } from './report.ts'
import { events, pods, resources } from './resources.ts'

/** The parts of one node's manager. */
export interface NodeManagerModules extends ControllerModules {
  readonly watch: Watch
  readonly onCrash: (crash: CrashRecord) => void
}

type State =
  | { readonly phase: 'running' }
  | { readonly phase: 'crashed'; readonly cancelRestart: () => void }
  | { readonly phase: 'off' }

/**
 * The longhorn-manager pod of one node, limited to its NodeController. It reads its own node's disks only.
 * When the crash predicate holds, it stops with all its work. It starts again after a pause with new caches,
 * and crashes again as long as the predicate holds (longhorn.md §2).
 */
export class NodeManager {
  readonly #node: string
  readonly #modules: NodeManagerModules
  readonly #cache: ManagerCache
  readonly #pauses: Pauses
  readonly #work: NodeWork
  readonly #loop: SyncLoop
  readonly #backOff: BackOff
  /** Undefined where flags get to the crashing code at once. */
  readonly #monitor: DiskMonitor | undefined
  #state: State = { phase: 'running' }
  #crashCount = 0
  #lastCrash: CrashRecord | undefined
  /** True once its pod is shown as running. */
  #isShown = false
  #syncCount = 0
  #recovering = false

  constructor(node: string, modules: NodeManagerModules) {
    const { clock, options, watch, writer } = modules
    this.#node = node
    this.#modules = modules
    this.#cache = new ManagerCache({
      ...{ watch, clock, options },
      onChange: (kind, changed) => this.#onChange(kind, changed),
    })
    this.#pauses = new Pauses(clock)
    this.#work = new NodeWork(
      modules,
      this.#cache,
      new CachedWriter(writer, this.#cache, this.#pauses, options),
    )
    this.#backOff = new BackOff(options, clock.now())
    this.#monitor = this.#monitoring(modules)
    this.#loop = new SyncLoop(modules, { name: `sync node ${node}`, sync: () => this.#sync() })
  }

  /** False while it waits for its restart, and while its machine is off. */
  get isLive(): boolean {
    return this.#state.phase === 'running'
  }

  /** The number of syncs it has begun. */
  get syncCount(): number {
    return this.#syncCount
  }

  /** What `kubectl logs --previous` shows of it; undefined before its first crash. */
  get previousLog(): string | undefined {
    return this.#lastCrash && crashLog(this.#lastCrash)
  }

  start(): void {
    this.#pauses.begin()
    this.#cache.start()
    this.#monitor?.start()
    this.#loop.start()
  }

  /** Waits for the running sync. */
  async stop(): Promise<void> {
    this.#pauses.end()
    await this.#loop.stop()
    this.#cancelRestart()
    this.#forget()
  }

  /** Restarts at once and without past crashes, like a new pod after an upgrade. */
  renew(): void {
    this.#backOff.reset(this.#modules.clock.now())
    if (this.#state.phase === 'off') return
    this.#cancelRestart()
    this.#forget()
    this.#restart()
  }

  /**
   * Powers the machine off with all its backing image managers: clean-ups there stay pending.
   *
   * @param isGone whether Kubernetes removes the node too
   */
  async powerOff(isGone = false): Promise<void> {
    await this.stop()
    this.#state = { phase: 'off' }
    await this.#notReady(isGone ? 'KubernetesNodeGone' : 'KubernetesNodeNotReady')
    await this.#showPod('off')
    await this.#setBackingImageManagers('unknown')
  }

  async powerOn(): Promise<void> {
    if (this.#state.phase !== 'off') return
    await this.#setBackingImageManagers('running')
    this.#restart()
    this.start()
  }

  /**
   * The events that enqueue a node: a change of itself, of a replica on it, of a setting (Longhorn v1.8.0
   * NewNodeController). Images do not, and the next full sync sees them. Without a disk monitor they do here, so
   * that no dangerous state comes and goes unseen between two syncs.
   */
  #onChange(kind: Kind, changed: ClusterObject | undefined): void {
    const concerns: Readonly<Partial<Record<Kind, (object: ClusterObject) => boolean>>> = {
      Node: ({ metadata }) => metadata.name === this.#node,
      Replica: (replica) => readReplica(replica).nodeID === this.#node,
      Setting: () => true,
      BackingImage: () => this.#monitor === undefined,
    }
    if (!changed || concerns[kind]?.(changed)) this.#loop.wake()
  }

  async #sync(): Promise<void> {
    if (!this.isLive) return
    this.#syncCount += 1
    if (!this.#isShown) await this.#showPod('running')
    const { options, report } = this.#modules
    const result = await syncNode(
      this.#node,
      this.#modules,
      this.#cache,
      this.#work,
      this.#pauses,
      this.#monitor,
    )
    if (result.kind === 'crashed') await this.#crash(result)
    if (result.kind !== 'synced') return
    if (this.#recovering) {
      this.#recovering = false
      report({ kind: 'recovered', node: this.#node })
    }
    const { again, pending } = result
    if (pending) report({ kind: 'requeued', node: this.#node, image: pending.image, disk: pending.disk })
    if (again) this.#loop.wakeWithin(options.requeueMs)
  }

  async #crash({
    missing,
    seen,
    release,
    nodeUid,
  }: SyncResult & { readonly kind: 'crashed' }): Promise<void> {
    const { clock, options, writer, onCrash } = this.#modules
    const now = clock.now()
    const restartInMs = this.#backOff.crashed(now)
    this.#state = { phase: 'crashed', cancelRestart: clock.setTimer(restartInMs, () => this.#restart()) }
    this.#forget()
    this.#recovering = true
    const crash: CrashRecord = {
      node: this.#node,
      ...missing,
      at: timestamp(now),
      release,
      count: ++this.#crashCount,
      restartInMs,
      seen,
      message:
        `panic: runtime error: invalid memory address or nil pointer dereference in syncBackingImageEvictionRequested: ` +
        `backing image ${missing.image} has a file on disk ${missing.disk} (${missing.diskUUID}) of node ${this.#node} ` +
        `and no entry for it in spec.diskFileSpecMap`,
    }
    this.#lastCrash = crash
    onCrash(crash)
    await this.#notReady('ManagerPodDown')
    await this.#showPod('crashed')
    await writer.create(events, crashEvent(crash, options.namespace, nodeUid))
  }

  #restart(): void {
    this.#state = { phase: 'running' }
    this.#backOff.started(this.#modules.clock.now())
    this.#cache.start()
    this.#monitor?.start()
    this.#loop.wakeWithin(0)
  }

  /** What a process knows ends with it. */
  #forget(): void {
    this.#cache.stop()
    this.#monitor?.stop()
  }

  #monitoring({ clock, options: { monitorMs } }: NodeManagerModules): DiskMonitor | undefined {
    if (monitorMs === undefined) return undefined
    const look = (): NodeObject | undefined => {
      const node = this.#cache.synced ? this.#cache.find('Node', this.#node) : undefined
      return node && readNode(node)
    }
    return new DiskMonitor({ clock, periodMs: monitorMs, look, onChange: () => this.#loop.wake() })
  }

  #cancelRestart(): void {
    if (this.#state.phase === 'crashed') this.#state.cancelRestart()
  }

  /**
   * In Longhorn another manager writes this. Here it is written even if none is left, so that people see it.
   */
  async #notReady(reason: NotReady): Promise<void> {
    const { writer, clock } = this.#modules
    await writer.edit({ resource: resources.Node, name: this.#node }, 'status', (newest) =>
      withNotReady(newest, reason, clock.now()),
    )
  }

  /** Its pod goes with the node. */
  async removePod(): Promise<void> {
    await this.#modules.writer.delete({ resource: pods, name: managerPodName(this.#node) })
  }

  /** Really the kubelet writes this. */
  async #showPod(phase: PodState['phase']): Promise<void> {
    const { writer, options, clock } = this.#modules
    // Without an answer of the API server the next sync shows it.
    this.#isShown = false
    const state = { phase, crashes: this.#crashCount, last: this.#lastCrash }
    const pod = managerPod(this.#node, options.namespace, state, clock.now())
    const written = await writer.edit({ resource: pods, name: pod.metadata.name }, 'main', (newest) => ({
      ...newest,
      status: pod.status,
    }))
    if (written === 'gone') await writer.create(pods, pod)
    this.#isShown = phase === 'running'
  }

  async #setBackingImageManagers(currentState: string): Promise<void> {
    const { view, writer } = this.#modules
    const { backingImageManagers } = await view.current()
    for (const { name, nodeID } of backingImageManagers.values()) {
      if (nodeID !== this.#node) continue
      await writer.edit({ resource: resources.BackingImageManager, name }, 'status', (newest) => ({
        ...newest,
        status: { ...object(newest.status), currentState },
      }))
    }
  }
}
