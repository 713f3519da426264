import { isDeepStrictEqual } from 'node:util'
import type { Node } from '../../longhorn/node.ts'
import type { Flags, RescueNote } from '../../longhorn/rescue-note.ts'
import { commonFlags, noFlags, onClosed, toRaise } from './flags.ts'

/** What a replica has seen of the spec of a node since the guard's note on it. */
interface Seen {
  readonly note: RescueNote
  readonly generation: number
  /** The noted flags that were down and closed for scheduling in every version since, and in every one between. */
  readonly untouched: Flags
}

/**
 * Follows the specs of nodes with the guard's note on them. A person who raises a noted flag and takes it down again does not
 * want it up, and leaves the same node as one who has done nothing. Only the number of changes tells them apart. One who opens
 * the disk for scheduling does not want it empty.
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
    const untouched = isNext
      ? commonFlags(isSame ? before.untouched : note, onClosed(toRaise(note, node), node))
      : noFlags
    this.#seen.set(name, { note, generation, untouched })
  }

  /** True if no person can have decided about these noted flags since. */
  isKnown(name: string, flags: Flags): boolean {
    const seen = this.#seen.get(name)
    return seen === undefined || isDeepStrictEqual(commonFlags(seen.untouched, flags), flags)
  }
}

/** Within this time, in milliseconds. */
const withinMs = 60 * 60_000

/** So many times the guard raises flags of one node. A danger that comes back each time has a cause that a person has to find. */
const most = 3

/** How often flags of each node were raised lately. A new leader begins to count anew. */
export class Raises {
  readonly #at = new Map<string, readonly number[]>()

  /** @param now milliseconds by the monotonic clock */
  add(node: string, now: number): void {
    this.#at.set(node, [...this.#lately(node, now), now])
  }

  /** True if flags of the node may go up once more. */
  mayRaise(node: string, now: number): boolean {
    return this.#lately(node, now).length < most
  }

  #lately(node: string, now: number): number[] {
    return (this.#at.get(node) ?? []).filter((at) => now - at < withinMs)
  }
}
