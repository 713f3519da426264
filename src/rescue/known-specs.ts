import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../longhorn/node.ts'
import type { RescueNote } from '../longhorn/rescue-note.ts'
import { toRaise } from './flags.ts'

/** What a replica has seen of the spec of a node since the guard's note on it. */
interface Seen {
  readonly note: RescueNote
  readonly generation: number
  /** False once a noted flag was up, or may have been, for as long as the note stays as it is. */
  readonly isWhole: boolean
}

/**
 * Follows the specs of nodes with the guard's note on them. A person who raises a noted flag and takes it down again does not
 * want it up, and leaves the same node as one who has done nothing. Only the number of changes tells them apart.
 */
export class KnownSpecs {
  readonly #seen = new Map<string, Seen>()

  /** Takes each version of a node, in the order in which they come. */
  see(name: string, node: Node | undefined): void {
    const note = node?.rescue?.ok === true ? node.rescue.value : undefined
    if (!node || note?.guard === undefined) {
      this.#seen.delete(name)
      return
    }
    const { generation } = node.metadata
    const before = this.#seen.get(name)
    const isSame = before !== undefined && isDeepStrictEqual(before.note, note)
    const known = isSame ? before.generation : note.guard.generation
    // One change cannot raise a flag and take it down. Of two at once nothing is known.
    const isNext = generation >= known && generation <= known + 1
    const areDown = isDeepStrictEqual(toRaise(note, node), { node: note.node, disks: note.disks })
    const isWhole = (!isSame || before.isWhole) && isNext && areDown
    this.#seen.set(name, { note, generation, isWhole })
  }

  /** True if no noted flag can have been raised and taken down again since. */
  isKnown(name: string): boolean {
    return this.#seen.get(name)?.isWhole ?? true
  }
}
