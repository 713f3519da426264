import { Type, type Static } from 'typebox'
import { absent } from '../longhorn/absent.ts'

/** What every object of a list or watch has; the rest is for the kind's own parser. */
export const ClusterObjectSchema = Type.Object({
  metadata: Type.Object({ name: Type.String({ minLength: 1 }), resourceVersion: absent(Type.String()) }),
})

/** An object of the cluster as it came, without its managedFields. */
export type ClusterObject = Static<typeof ClusterObjectSchema>

/**
 * Drops managedFields from an object that was just read: about half of its size (kubernetes.md, The request),
 * and of use to nobody here.
 */
export function withoutManagedFields(object: ClusterObject): ClusterObject {
  Reflect.deleteProperty(object.metadata, 'managedFields')
  return object
}
