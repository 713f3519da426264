import type { DiskMapView } from '../../disk-map/disk-map-view.ts'
import { fieldOf, isJsonObject, type JsonObject, sameJson } from '../../json/schema.ts'
import type { JudgedKind } from '../../rules/change.ts'

/** The object of a patch, before and after. */
interface Patched {
  readonly kind: JudgedKind
  readonly name: string
  readonly before: JsonObject
  readonly after: JsonObject
}

/**
 * Probable mistakes in a patch. The name or UUID of a disk is a free key, so no schema shows that it is misspelt, and the
 * API server accepts it.
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

/** A new disk without a path is probably a misspelt name. */
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
