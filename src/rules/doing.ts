import type { DiskMapView } from '../disk-map/disk-map-view.ts'
import type { Act, Cleanup, DiskRemoval, Eviction } from './change.ts'
import type { Subject } from './finding.ts'
import { theDisk } from './sentences.ts'

/** The maximum of named disks; more are only counted. */
const namedDisks = 3

/**
 * A change in words: `evicting disk-2 of node-1`, `removing the copy of debian-12 on disk-1 of node-3`.
 *
 * @param about the subjects of a finding; of several disks only those are named
 */
export function doing(
  acts: readonly Act[],
  map: Pick<DiskMapView, 'ownersOf'>,
  about: readonly Subject[] = [],
): string {
  return acts.map((act) => doingOf(act, map, about)).join(' and ')
}

function doingOf(act: Act, map: Pick<DiskMapView, 'ownersOf'>, about: readonly Subject[]): string {
  switch (act.act) {
    case 'eviction':
      return evicting(act)
    case 'disk-removal':
      return removingDisks(act, about)
    case 'cleanup':
      return removingCopies(act, map, about)
    case 'placement':
      return `placing the first file of ${act.source.metadata.name} on ${diskOf(act.diskUUID, map, about)}`
    case 'flags-cleared':
      return `clearing the last eviction flag of node ${act.node.metadata.name}`
  }
}

function evicting({ node, raisesFirstFlag, evicting, joining }: Eviction): string {
  const { name } = node.metadata
  if (raisesFirstFlag && (node.spec.evictionRequested || evicting.length === 0))
    return `evicting node ${name}`
  const [disks, verb] = evicting.length > joining.length ? [evicting, 'evicting'] : [joining, 'adding']
  return verb === 'adding'
    ? `adding ${enumerate(disks)} to node ${name} while it is evicted`
    : `evicting ${enumerate(disks)} of ${name}`
}

function removingDisks({ before, after, disks }: DiskRemoval, about: readonly Subject[]): string {
  const { name } = before.metadata
  if (!after) return `deleting node ${name}`
  const named = [...new Set(about.flatMap(({ disk }) => disk ?? []))]
  return `removing ${enumerate(named.length > 0 ? named : disks)} of ${name}`
}

function removingCopies(
  { before, disks }: Cleanup,
  map: Pick<DiskMapView, 'ownersOf'>,
  about: readonly Subject[],
): string {
  const uuids = [...new Set(about.flatMap(({ diskUUID }) => diskUUID ?? []))].filter((uuid) =>
    disks.has(uuid),
  )
  const removed = uuids.length > 0 ? uuids : [...disks]
  const where = removed.slice(0, namedDisks).map((uuid) => diskOf(uuid, map, about))
  return `removing the ${removed.length === 1 ? 'copy' : 'copies'} of ${before.metadata.name} on ${enumerate(where, removed.length)}`
}

/** If several nodes have the disk, the one of the finding. */
function diskOf(uuid: string, map: Pick<DiskMapView, 'ownersOf'>, about: readonly Subject[]): string {
  const owners = map.ownersOf(uuid)
  const owner = owners.find(({ node, disk }) =>
    about.some((subject) => subject.node === node && subject.disk === disk),
  )
  return theDisk(uuid, owner ?? owners[0])
}

/** @param count the total number */
function enumerate(names: readonly string[], count = names.length): string {
  const named = names.slice(0, namedDisks)
  const more = count - named.length
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(' and ')
}
