import { allKinds, type Kind, type LonghornObject } from '../../longhorn/kinds.ts'
import { type RawObject, rawOf } from '../../longhorn/raw.ts'
import { settingNames } from '../../longhorn/setting.ts'

/** `apiVersion` of a snapshot. */
export const snapshotVersion = 'holdfast.dev/v1'

/** The facts of a cluster at one moment that decisions need. */
interface Snapshot {
  readonly apiVersion: typeof snapshotVersion
  readonly kind: 'Snapshot'
  /** RFC 3339. */
  readonly takenAt: string
  /** The kinds that were read. A kind without an item has no objects in the cluster. */
  readonly kinds: readonly Kind[]
  /** All kinds of Longhorn's, without secrets and unused fields. */
  readonly items: readonly RawObject[]
}

/** Takes a snapshot of these objects. @param now milliseconds since the epoch */
export function snapshotOf(objects: Iterable<LonghornObject>, now: number): Snapshot {
  const items = [...objects].filter(isNeeded).map(rawOf)
  items.sort((one, other) => sortKey(one).localeCompare(sortKey(other), 'en'))
  const takenAt = new Date(now).toISOString()
  return { apiVersion: snapshotVersion, kind: 'Snapshot', takenAt, kinds: allKinds, items }
}

/** Settings can name servers and Secrets, so only those that decisions need are taken. */
function isNeeded({ kind, metadata }: LonghornObject): boolean {
  return kind !== 'Setting' || needed.has(metadata.name)
}

const needed: ReadonlySet<string> = new Set(Object.values(settingNames))

function sortKey({ kind, metadata }: RawObject): string {
  return `${kind} ${metadata.name}`
}
