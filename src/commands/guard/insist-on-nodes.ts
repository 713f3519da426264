import type { LiveMap } from '../../kubernetes/live-map.ts'
import { nearestFirst } from '../../configuration/layer.ts'
import { CannotRun } from '../surroundings.ts'

/** A typo in a name must not pass for a result. @throws CannotRun for names that no Longhorn node has */
export function insistOnNodes(names: Iterable<string>, { map, unreadable }: LiveMap): void {
  const missing = [...names].filter((name) => map.node(name) === undefined)
  if (missing.length === 0) return
  const odd = [...unreadable].find(({ kind, name }) => kind === 'Node' && missing.includes(name))
  if (odd) throw new CannotRun(`Longhorn node ${odd.name} exists and cannot be read: ${odd.problem}`)
  const there = [...map.nodes()].map(({ metadata }) => metadata.name).toSorted()
  const [first = ''] = missing
  const shown = nearestFirst(first, there).slice(0, mostShown)
  const more = there.length > shown.length ? ` and ${there.length - shown.length} more` : ''
  throw new CannotRun(
    `There is no Longhorn node ${missing.join(', ')}. There are: ${shown.join(', ')}${more}`,
  )
}

/** A screen of them: the one that was meant is among the first. */
const mostShown = 20

/** The same for a disk of a node, if one is named. @throws CannotRun */
export function insistOnDisk(node: string, disk: string | undefined, { map }: LiveMap): void {
  const disks = map.node(node)?.spec.disks
  if (disk === undefined || disks === undefined || disks.has(disk)) return
  const there = [...disks.keys()].toSorted()
  const which = there.length === 0 ? 'It has none' : `There are: ${there.join(', ')}`
  throw new CannotRun(`Longhorn node ${node} has no disk ${disk}. ${which}`)
}
