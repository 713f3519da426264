import { Type } from 'typebox'
import { optional, type Parsed, parser } from '../json/schema.ts'
import { shortened } from '../text/plain-text.ts'

/** The annotation of a Longhorn node that notes which flags a rescue has cleared and has to raise again. */
export const rescueAnnotation = 'holdfast.dev/rescue'

/** Eviction flags of one node: its own, and those of its disks. */
export interface Flags {
  readonly node: boolean
  /** The names of the disks, sorted. */
  readonly disks: readonly string[]
}

/** The note of a rescue on a node, in the same write that clears the flags, so that neither is without the other. */
export interface RescueNote extends Flags {
  /** When, RFC 3339. */
  readonly at: string
  /** The user as the API server knows them; empty if it did not say. */
  readonly by: string
  /**
   * Present if a guard has taken them down and raises them again. Without it only a person's command does. `generation` is
   * that of the node with this note: a higher one means that somebody has changed its spec since.
   */
  readonly guard?: { readonly generation: number }
}

const parse = parser(
  Type.Object({
    node: Type.Boolean(),
    disks: Type.Array(Type.String()),
    at: Type.String(),
    by: Type.String(),
    guard: optional(Type.Object({ generation: Type.Integer() })),
  }),
  ({ node, disks, at, by, guard }): RescueNote => ({
    node,
    disks: [...new Set(disks)].toSorted(),
    at: shortened(at),
    by: shortened(by),
    ...(guard && { guard: { generation: guard.generation } }),
  }),
)

/** Reads the annotation. The text is untrusted, since a person may have edited it. */
export function readRescueNote(text: string): Parsed<RescueNote> {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch {
    return { ok: false, problem: 'it is not JSON' }
  }
  return parse(raw)
}

/** The text of the annotation. */
export function rescueNoteText({ node, disks, at, by, guard }: RescueNote): string {
  return JSON.stringify({ node, disks, at, by, ...(guard && { guard }) })
}

/** The flags of a node that a rescue has cleared and noted there. */
export interface NotedStatus {
  /** True if the node's own flag is noted. */
  readonly node: boolean
  /** The disks whose flags are noted. */
  readonly disks: readonly string[]
  /** Null if the note does not say. */
  readonly since: string | null
  /** The user that has cleared them; empty if the note does not say. */
  readonly by: string
  /** `guard`: it raises them as soon as that is safe. `person`: only a command of a person does. */
  readonly raisedBy: 'guard' | 'person'
  /** Why the note cannot be read; null if it can. */
  readonly problem: string | null
}

/** Describes the flags that a rescue has noted on a node; null if it has noted none. */
export function notedStatus(rescue: Parsed<RescueNote> | undefined): NotedStatus | null {
  if (rescue === undefined) return null
  if (!rescue.ok)
    return { node: false, disks: [], since: null, by: '', raisedBy: 'person', problem: rescue.problem }
  const { node, disks, at, by, guard } = rescue.value
  const since = Date.parse(at)
  return {
    ...{ node, disks, by, problem: null },
    since: Number.isNaN(since) ? null : new Date(since).toISOString(),
    raisedBy: guard ? 'guard' : 'person',
  }
}
