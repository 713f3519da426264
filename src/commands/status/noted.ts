import type { NotedStatus } from '../../longhorn/rescue-note.ts'
import type { Column, TableLook } from '../table.ts'
import { age } from '../../time/age.ts'
import { section, type Section } from './section.ts'

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
