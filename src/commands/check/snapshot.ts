import { allKinds, type Kind, type LonghornObject } from '../../longhorn/kinds.ts'
import { type RawObject, rawOf } from '../../longhorn/raw.ts'
import { settingNames } from '../../longhorn/setting.ts'

/** `apiVersion` of a snapshot. */
export const snapshotVersion = 'holdfast.dev/v1'

/** What decisions need of a cluster, and no more, at one moment. */
interface Snapshot {
  readonly apiVersion: typeof snapshotVersion
  readonly kind: 'Snapshot'
  /** RFC 3339. */
  readonly takenAt: string
  /** The kinds that were read. If no item is of one of them, the cluster has no such object. */
  readonly kinds: readonly Kind[]
  /** Of Longhorn's, all kinds, without what is secret or of no use. */
  readonly items: readonly RawObject[]
}

/** Takes a snapshot of these objects. @param now milliseconds since the epoch */
export function snapshotOf(objects: Iterable<LonghornObject>, now: number): Snapshot {
  const items = [...objects].filter(isNeeded).map(rawOf)
  items.sort((one, other) => sortKey(one).localeCompare(sortKey(other), 'en'))
  const takenAt = new Date(now).toISOString()
  return { apiVersion: snapshotVersion, kind: 'Snapshot', takenAt, kinds: allKinds, items }
}

/** Settings name servers and Secrets; only those that decisions depend on are taken. */
function isNeeded({ kind, metadata }: LonghornObject): boolean {
  return kind !== 'Setting' || needed.has(metadata.name)
}

const needed: ReadonlySet<string> = new Set(Object.values(settingNames))

function sortKey({ kind, metadata }: RawObject): string {
  return `${kind} ${metadata.name}`
}
