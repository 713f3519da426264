import type { RescueNote } from '../../longhorn/rescue-note.ts'
import type { Parsed } from '../../json/schema.ts'
import type { Column, TableLook } from '../table.ts'
import { age } from '../../time/age.ts'
import { section, type Section } from './section.ts'

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

/** The note of a node for people and programs; null if there is none. */
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

/** The nodes with such a note, and what ends each. @returns none without one */
export function notedSection({ nodes, observedAt }: Noting, look: TableLook): Section[] {
  const now = Date.parse(observedAt)
  const rows = nodes.flatMap(({ name, noted }) => (noted ? [{ name, ...noted }] : []))
  const columns: Column<Row>[] = [
    { heading: 'FLAGS NOTED', cell: noteInWords },
    { heading: 'NODE', cell: ({ name }) => name },
    { heading: 'FOR', cell: ({ since }) => (since === null ? 'unknown' : age(now - Date.parse(since))) },
    { heading: 'BY', cell: ({ by }) => by },
    { heading: 'NEXT', cell: next, below: 'sentence' },
  ]
  return section({ columns, rows, look, what: 'nodes with noted flags' })
}

/** What it reads of a status. */
interface Noting {
  readonly nodes: readonly { readonly name: string; readonly noted: NotedStatus | null }[]
  readonly observedAt: string
}

type Row = NotedStatus & { readonly name: string }

/** The node's own flag in brackets, as among those that are up. */
function noteInWords({ node, disks, problem }: NotedStatus): string {
  if (problem !== null) return `unreadable: ${problem}`
  return [...(node ? ['(node)'] : []), ...disks].join(',') || 'none'
}

function next({ name, node, disks, raisedBy, problem }: Row): string {
  const rescue = `holdfast rescue ${name}`
  // There is nothing to raise, and the note alone has to go.
  if (problem !== null || (!node && disks.length === 0)) return `${rescue} --leave-cleared`
  return raisedBy === 'guard' ? `the guard raises them when that is safe. If none does: ${rescue}` : rescue
}
