import { type LiveManagers, SyncLoop } from './controller-loop.ts'
import { NodeManager, type NodeManagerModules } from './node-manager.ts'
import { resources } from './resources.ts'

/** The longhorn-manager DaemonSet: one manager for each Longhorn node, as long as the node exists. */
export class ManagerPods implements LiveManagers {
  readonly #modules: NodeManagerModules
  readonly #managers = new Map<string, NodeManager>()
  readonly #loop: SyncLoop

  constructor(modules: NodeManagerModules) {
    this.#modules = modules
    this.#loop = new SyncLoop(modules, { name: 'list the nodes', sync: () => this.look() })
  }

  isLive(node: string): boolean {
    return this.#managers.get(node)?.isLive ?? false
  }

  /** True before the first node is seen. */
  get isEmpty(): boolean {
    return this.#managers.size === 0
  }

  anyLive(): string | undefined {
    return [...this.#managers.keys()].find((node) => this.isLive(node))
  }

  /** The manager of a node; undefined without such a node. */
  of(node: string): NodeManager | undefined {
    return this.#managers.get(node)
  }

  start(): void {
    this.#loop.start()
  }

  /** Nodes may have come or gone. The managers see changes through their caches. */
  wake(): void {
    this.#loop.wake()
  }

  /** Replaces all of them, as an upgrade does. */
  renew(): void {
    for (const manager of this.#managers.values()) manager.renew()
  }

  /** Waits for the running syncs. */
  async stop(): Promise<void> {
    await this.#loop.stop()
    await Promise.all([...this.#managers.values()].map((manager) => manager.stop()))
    this.#managers.clear()
  }

  /** Any manager does it, on whatever node (Longhorn controller/node_controller.go, syncNode). */
  async #letGo(name: string): Promise<void> {
    await this.#modules.writer.edit({ resource: resources.Node, name }, 'main', (newest) => ({
      ...newest,
      metadata: { ...newest.metadata, finalizers: [] },
    }))
  }

  /** Starts a manager for each node that has none, and ends those of nodes that are gone. */
  async look(): Promise<void> {
    const { nodes } = await this.#modules.view.current()
    for (const [name, { raw }] of nodes) {
      if (raw.metadata.deletionTimestamp !== undefined) await this.#letGo(name)
      if (this.#managers.has(name)) continue
      const manager = new NodeManager(name, this.#modules)
      this.#managers.set(name, manager)
      manager.start()
    }
    for (const [name, manager] of this.#managers) {
      if (nodes.has(name)) continue
      this.#managers.delete(name)
      await manager.stop()
      await manager.removePod()
    }
  }
}
