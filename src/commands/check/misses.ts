import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { fieldOf, isJsonObject, type JsonObject, sameJson } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'

/** What a patch is about. */
interface Patched {
  readonly kind: JudgedKind
  readonly name: string
  readonly before: JsonObject
  readonly after: JsonObject
}

/**
 * What a patch probably meant and does not say: the name of a disk, or a UUID, is a key like any other, so no definition shows
 * that it is misspelt, and the API server takes it.
 *
 * @returns one sentence each
 */
export function missesOf({ kind, name, before, after }: Patched, map: DiskMapView): string[] {
  if (sameJson(before, after)) {
    return [`the patch changes nothing: ${kind} ${name} is so already, or lacks what the patch removes`]
  }
  if (kind === 'Node') return newDisks(name, entriesOf(before, 'disks'), entriesOf(after, 'disks'))
  return [...entriesOf(after, 'diskFileSpecMap').keys()]
    .filter((uuid) => !entriesOf(before, 'diskFileSpecMap').has(uuid) && map.ownersOf(uuid).length === 0)
    .map((uuid) => `spec.diskFileSpecMap."${uuid}": no node has a disk with this UUID`)
}

/** Whoever adds a disk says where it is. */
function newDisks(
  node: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): string[] {
  const there = before.size === 0 ? 'none' : [...before.keys()].join(', ')
  return [...after]
    .filter(([disk, its]) => !before.has(disk) && (fieldOf(its, 'path') ?? '') === '')
    .map(([disk]) => `spec.disks.${disk} is a new disk without a path; ${node} has ${there}`)
}

function entriesOf({ spec }: JsonObject, field: string): ReadonlyMap<string, unknown> {
  const entries = fieldOf(spec, field)
  return new Map(isJsonObject(entries) ? Object.entries(entries) : [])
}
