import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { copy, disk, uuid } from '../fixtures/raw-objects.ts'
import { askUntil } from './ask-until.ts'
import { ask, longhornPath } from './cluster.ts'
import type { Guards, Replica } from './guards.ts'
import { World } from './world.ts'

/** A node on the page of a guard, as far as the mark needs it. */
interface ShownNode {
  readonly name: string
  readonly scheduling: boolean
  readonly disks: readonly { readonly copies: readonly { readonly progress: number | null }[] }[]
}

/** How long a replica that stands still is waited for, in milliseconds, before it is asked again. */
const answerMs = 3_000

/** Of the node, the image and the disk. */
const name = 'mark'

/**
 * A node and an image that are written after others, to know that guards have seen those: the API server answers a write
 * before a watch tells of it, and the watches of two guards tell at different times.
 */
export class Mark {
  #turn = 0
  #last: Promise<unknown> = Promise.resolve()

  /**
   * Waits until every guard has seen all nodes and images that were written before.
   *
   * @param connection of an administrator
   * @throws when one does not
   */
  seenBy(guards: Guards, connection: Connection): Promise<void> {
    const seen = this.#last.then(() => this.#untilSeen(guards, connection))
    this.#last = seen.catch(() => undefined)
    return seen
  }

  async #untilSeen(guards: Guards, connection: Connection): Promise<void> {
    if (guards.replicas.length === 0) return
    const write = (path: string, patch: object) => ask({ connection }, 'PATCH', longhornPath(path), patch)
    if (this.#turn === 0) {
      const world = new World({ connection })
      await world.node(name, [disk(name)])
      await world.image(name, [copy(name, 'in-progress')])
    }
    this.#turn += 1
    const [scheduling, progress] = [this.#turn % 2 === 0, 1 + (this.#turn % 2)]
    const files = { [uuid(name)]: { state: 'in-progress', progress } }
    await Promise.all([
      write(`nodes/${name}`, { spec: { allowScheduling: scheduling } }),
      write(`backingimages/${name}/status`, { status: { diskFileStatusMap: files } }),
    ])
    const hasSeen = async (replica: Replica): Promise<boolean> => {
      const node = await shownBy(replica)
      return node?.scheduling === scheduling && node.disks[0]?.copies[0]?.progress === progress
    }
    const all = async () => (await Promise.all(guards.replicas.map(hasSeen))).every(Boolean)
    if (!(await askUntil(all, Boolean))) throw new Error('a guard has not seen what was written a minute ago')
  }
}

/** The node of the mark; undefined if the replica does not show it, or does not answer: it may be about to end. */
async function shownBy(replica: Replica): Promise<ShownNode | undefined> {
  try {
    const { operatorPort } = await replica.ports()
    const signal = AbortSignal.timeout(answerMs)
    const answer = await fetch(`http://127.0.0.1:${operatorPort}/api/v1/state`, { signal })
    const { nodes } = (await answer.json()) as { readonly nodes: readonly ShownNode[] }
    return nodes.find((node) => node.name === name)
  } catch {
    return undefined
  }
}
