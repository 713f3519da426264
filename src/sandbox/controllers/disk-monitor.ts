import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../time/clock.ts'
import type { NodeObject } from './objects.ts'

/** The parts of a monitor. */
interface DiskMonitorModules {
  readonly clock: Clock
  /** How often it looks, in milliseconds. */
  readonly periodMs: number
  /** The node as the manager's cache has it; undefined before the first list. */
  readonly look: () => NodeObject | undefined
  /** Called if a look finds something else than the one before. */
  readonly onChange: () => void
}

/** Before the caches are filled, in milliseconds. */
const againMs = 10

/**
 * What a manager knows of its disks, from its last look. Longhorn looks when it starts, and then every 30 s
 * (`NodeMonitor`). As long as the flags of the node differ from that, `syncNode` ends before it does anything
 * (`isDiskMatched`, Longhorn v1.8.0 controller/node_controller.go).
 */
export class DiskMonitor {
  readonly #modules: DiskMonitorModules
  #seen: ReadonlyMap<string, boolean> | undefined
  #cancel = (): void => undefined

  constructor(modules: DiskMonitorModules) {
    this.#modules = modules
  }

  /** True if the last look found the flags of this node. */
  isMatched(node: NodeObject): boolean {
    return isDeepStrictEqual(this.#seen, flagsOf(node))
  }

  /** Looks at once, and then again and again. */
  start(): void {
    const { clock, periodMs, look, onChange } = this.#modules
    const node = look()
    this.#cancel()
    this.#cancel = clock.setTimer(node ? periodMs : againMs, () => this.start())
    if (!node) return
    const found = flagsOf(node)
    if (isDeepStrictEqual(found, this.#seen)) return
    this.#seen = found
    onChange()
  }

  /** Forgets everything, like a pod that ends. */
  stop(): void {
    this.#cancel()
    this.#seen = undefined
  }
}

/** By disk: whether it, or the node, is to be emptied. */
function flagsOf({ disks }: NodeObject): ReadonlyMap<string, boolean> {
  return new Map(disks.map(({ name, evicting }) => [name, evicting]))
}
