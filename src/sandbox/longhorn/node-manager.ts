import { profileOf } from '../../longhorn/profile.ts'
import { timestamp } from '../clock.ts'
import type { ClusterClient } from '../cluster-client.ts'
import { object } from '../json.ts'
import { BackOff } from './back-off.ts'
import type { ControllerModules } from './controller-modules.ts'
import { crashEvent } from './crash-events.ts'
import { crashes, requeues, type NilDereference } from './crash-predicate.ts'
import type { NotReady } from './node-conditions.ts'
import { withNotReady } from './node-status.ts'
import { NodeWork } from './node-work.ts'
import type { CrashRecord } from './report.ts'
import { events, resources } from './resources.ts'
import { SyncLoop } from './sync-loop.ts'

/** What the manager of one node is given. */
export interface NodeManagerModules extends ControllerModules {
  readonly client: ClusterClient
  readonly onCrash: (crash: CrashRecord) => void
}

/** How often the crash predicate is read anew while the node changes under the reading. */
const consistentReads = 5

type State =
  | { readonly phase: 'running' }
  | { readonly phase: 'crashed'; readonly cancelRestart: () => void }
  | { readonly phase: 'off' }

/**
 * The longhorn-manager pod of one node, as far as its NodeController goes. It looks at its own node's disks only. In
 * the crash predicate it goes down with everything it does, and starts again after a pause, only to crash again as
 * long as the predicate holds (longhorn.md §2).
 */
export class NodeManager {
  readonly #node: string
  readonly #modules: NodeManagerModules
  readonly #work: NodeWork
  readonly #loop: SyncLoop
  readonly #backOff: BackOff
  #state: State = { phase: 'running' }
  #crashCount = 0
  #recovering = false

  constructor(node: string, modules: NodeManagerModules) {
    this.#node = node
    this.#modules = modules
    this.#work = new NodeWork(modules)
    this.#backOff = new BackOff(modules.options, modules.clock.now())
    this.#loop = new SyncLoop(modules, { name: `sync node ${node}`, sync: () => this.#sync() })
  }

  /** False while it waits to start again, and while its machine is off. */
  get isLive(): boolean {
    return this.#state.phase === 'running'
  }

  start(): void {
    this.#loop.start()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Waits for the sync that runs. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    this.#cancelRestart()
  }

  /** Starts again at once and forgets the crashes before, as a new pod does after an upgrade. */
  renew(): void {
    this.#backOff.reset(this.#modules.clock.now())
    if (this.#state.phase === 'crashed') this.#restart()
  }

  /** The whole machine goes off, with all backing image managers on it: clean-ups there stay pending. */
  async powerOff(): Promise<void> {
    await this.#loop.stop()
    this.#cancelRestart()
    this.#state = { phase: 'off' }
    await this.#notReady('KubernetesNodeNotReady')
    await this.#setBackingImageManagers('unknown')
  }

  async powerOn(): Promise<void> {
    if (this.#state.phase !== 'off') return
    await this.#setBackingImageManagers('running')
    this.#restart()
    this.#loop.start()
  }

  async #sync(): Promise<void> {
    const { view, options, report } = this.#modules
    if (!this.isLive) return
    const snapshot = await view.current()
    const node = snapshot.nodes.get(this.#node)
    if (!node) return
    const profile = profileOf(snapshot.release)
    const images = [...snapshot.images.values()].map((image) => image.raw)
    if (crashes(profile, node.raw, images) && (await this.#crashesNow())) return
    await this.#work.writeStatus(node, snapshot)
    await this.#work.keepBackingImageManagers(node, snapshot)
    // o3: the clean-up and the crashing code are steps of the same sync.
    if ((await this.#work.cleanUpUnused(node, snapshot)) && (await this.#crashesNow())) return
    await this.#work.requestReplicaEviction(node, snapshot)
    await this.#work.requestCopyEviction(node, snapshot)
    if (this.#recovering) {
      this.#recovering = false
      report({ kind: 'recovered', node: this.#node })
    }
    const pending = requeues(profile, node.raw, images)
    if (!pending) return
    report({ kind: 'requeued', node: this.#node, image: pending.image, disk: pending.disk })
    this.#loop.wakeWithin(options.requeueMs)
  }

  /**
   * Reads what the predicate needs anew: images and node must have stood side by side, so the node has to be the same
   * before and after the images are read. Otherwise a flag that was cleared in between would count.
   */
  async #crashesNow(): Promise<boolean> {
    const { client, options, view } = this.#modules
    const { release } = await view.current()
    for (let reads = 0; reads < consistentReads; reads++) {
      const node = await client.get(resources.Node, options.namespace, this.#node)
      const images = await client.list(resources.BackingImage, options.namespace)
      const nodeAfter = await client.get(resources.Node, options.namespace, this.#node)
      if (!node || !nodeAfter) return false
      if (node.metadata.resourceVersion !== nodeAfter.metadata.resourceVersion) continue
      const missing = crashes(profileOf(release), node, images)
      if (missing) await this.#crash(missing, release ?? '', node.metadata.uid)
      return missing !== undefined
    }
    return false
  }

  async #crash(missing: NilDereference, release: string, nodeUid: string | undefined): Promise<void> {
    const { clock, options, writer, onCrash } = this.#modules
    const now = clock.now()
    const restartInMs = this.#backOff.crashed(now)
    this.#state = { phase: 'crashed', cancelRestart: clock.setTimer(restartInMs, () => this.#restart()) }
    this.#recovering = true
    const crash: CrashRecord = {
      node: this.#node,
      ...missing,
      at: timestamp(now),
      release,
      count: ++this.#crashCount,
      restartInMs,
      message:
        `panic: runtime error: invalid memory address or nil pointer dereference in syncBackingImageEvictionRequested: ` +
        `backing image ${missing.image} has a file on disk ${missing.disk} (${missing.diskUUID}) of node ${this.#node} ` +
        `and no entry for it in spec.diskFileSpecMap`,
    }
    onCrash(crash)
    await this.#notReady('ManagerPodDown')
    await writer.create(events, crashEvent(crash, options.namespace, nodeUid))
  }

  #restart(): void {
    this.#state = { phase: 'running' }
    this.#backOff.started(this.#modules.clock.now())
    this.#loop.wakeWithin(0)
  }

  #cancelRestart(): void {
    if (this.#state.phase === 'crashed') this.#state.cancelRestart()
  }

  /** Really another manager writes this; here it is written even when none is left, so that it can be seen. */
  async #notReady(reason: NotReady): Promise<void> {
    const { writer, clock } = this.#modules
    await writer.edit({ resource: resources.Node, name: this.#node }, 'status', (newest) =>
      withNotReady(newest, reason, clock.now()),
    )
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
