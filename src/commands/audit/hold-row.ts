import type { HoldRecord } from '../../observability/hold-record.ts'
import { age } from '../../time/age.ts'
import type { Column } from '../table.ts'
import type { Colours } from '../terminal.ts'

/** The columns of records, filled with what is told of a request that waits. */
export function holdColumns(wide: boolean, colours: Colours): Column<HoldRecord>[] {
  const narrow: Column<HoldRecord>[] = [
    { heading: 'TIME', cell: ({ time }) => time.replace(/\.\d+Z$/, 'Z') },
    {
      heading: 'VERDICT',
      cell: ({ phase }) => (phase === 'began' ? 'waits' : 'waited'),
      paint: ({ phase }) => (phase === 'began' ? colours.yellow : (text) => text),
    },
    { heading: 'COUNT', cell: () => '' },
    { heading: 'USER', cell: ({ user }) => user },
    { heading: 'CHANGE', cell: ({ change }) => change },
    {
      heading: 'RULES',
      cell: (hold) => (hold.phase === 'began' ? beginning(hold) : end(hold)),
      below: 'sentence',
    },
  ]
  if (!wide) return narrow
  return [
    ...narrow,
    { heading: 'WAITED', cell: ({ waitedMs }) => age(waitedMs), below: 'detail' },
    { heading: 'DOOR', cell: ({ door }) => door, below: 'detail' },
    { heading: 'REPLICA', cell: ({ replica }) => replica, below: 'detail' },
  ]
}

/** The first cause, and how long it can still wait for that. */
function beginning({ causes, moreCauses, leftMs }: HoldRecord): string {
  const [first] = causes
  const more = causes.length - 1 + moreCauses
  const left = `${age(leftMs)} left`
  if (!first) return left
  const progress = first.progress === undefined ? '' : `, a copy is at ${first.progress} %`
  return `${first.rule}: ${first.found}${progress}${more > 0 ? ` and ${more} more` : ''}, ${left}`
}

function end({ outcome = 'over', waitedMs }: HoldRecord): string {
  return `${outcome} after ${age(waitedMs)}`
}
