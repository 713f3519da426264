import { group, kinds, version, type Kind } from '../longhorn/kinds.ts'
import type { ClusterObject } from './cluster-object.ts'
import type { Connection } from './connection.ts'
import { defaultListWatchLimits } from './list-watch-limits.ts'
import { listPages } from './paginated-list.ts'

/** An object as it came, with the kind that a list does not repeat. */
export type LonghornClusterObject = ClusterObject & { readonly apiVersion: string; readonly kind: Kind }

const allKinds: readonly Kind[] = [
  'Setting',
  'Node',
  'BackingImage',
  'BackingImageDataSource',
  'BackingImageManager',
  'Replica',
]

/**
 * Reads all of Longhorn's objects once, each kind as it is at one moment.
 *
 * @throws ApiFailure, ConnectionFailure, MalformedAnswer, or the signal's reason
 */
export async function* readLonghorn(
  connection: Connection,
  namespace: string,
  signal: AbortSignal,
): AsyncGenerator<LonghornClusterObject, void> {
  for (const kind of allKinds) {
    const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${kinds[kind].plural}`
    for await (const { objects } of listPages(connection, path, { ...defaultListWatchLimits, signal })) {
      for (const object of objects) yield { ...object, apiVersion: `${group}/${version}`, kind }
    }
  }
}
