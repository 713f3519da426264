import { Type, type Static } from 'typebox'
import { absent } from '../longhorn/absent.ts'
import { parser } from '../longhorn/parse.ts'

/** What every object of a list or watch has; the rest is for the kind's own parser. */
export const ClusterObjectSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }), resourceVersion: absent(Type.String()) }),
})

/** An object of the cluster as it came; of its managedFields only when status was written is left. */
export type ClusterObject = Static<typeof ClusterObjectSchema>

/**
 * Drops managedFields from an object that was just read: about half of its size (kubernetes.md, The request). Only the times
 * of the writers of its status are of use: since when a node has been down.
 */
export function withoutManagedFields(object: ClusterObject): ClusterObject {
  const metadata: ClusterObject['metadata'] & { managedFields?: unknown } = object.metadata
  const times = statusTimes(metadata.managedFields)
  if (times.length > 0) metadata.managedFields = times
  else delete metadata.managedFields
  return object
}

const parseFields = parser(
  Type.Array(Type.Object({ subresource: absent(Type.String()), time: absent(Type.String()) })),
  (fields) =>
    fields.flatMap(({ subresource, time }) => (subresource === 'status' ? [{ subresource, time }] : [])),
)

function statusTimes(fields: unknown): readonly object[] {
  if (fields === undefined) return []
  const parsed = parseFields(fields)
  return parsed.ok ? parsed.value : []
}
