import type { ClusterObject } from '../../cluster-client.ts'
import { at, isJsonObject, without } from '../../json.ts'
import { checkObject } from './check-object.ts'
import { badRequest, invalid } from '../failure.ts'
import type { Target } from '../request-context.ts'
import { namespaces } from '../resources.ts'

/**
 * Makes what is stored of an object that is to be created: it has its name, its uid and its time, and no status
 * where that is a subresource.
 *
 * @param fresh what only the server gives: the uid, the time (RFC 3339), the end of a generated name
 * @throws ApiError 400 or 422 when it cannot be created
 */
export function prepareCreate(
  { resource }: Target,
  wanted: ClusterObject,
  fresh: { readonly uid: string; readonly now: string; readonly suffix: string },
): ClusterObject {
  const { metadata } = wanted
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  const generated = typeof metadata.generateName === 'string' ? `${metadata.generateName}${fresh.suffix}` : ''
  const name = metadata.name || generated
  if (name === '')
    throw invalid(resource, '', [
      { field: 'metadata.name', message: 'Required value: name or generateName is required' },
    ])
  const given = without(
    metadata,
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
  )
  const object: ClusterObject = {
    ...(resource.hasStatus ? without(wanted, 'status') : wanted),
    apiVersion: wanted.apiVersion,
    kind: wanted.kind,
    metadata: {
      ...given,
      name,
      uid: fresh.uid,
      creationTimestamp: fresh.now,
      ...(resource.hasGeneration && { generation: 1 }),
    },
  }
  checkObject(resource, object)
  return resource === namespaces ? activeNamespace(object) : object
}

/** Every namespace carries its own name as a label, so that webhooks can select it. */
function activeNamespace(object: ClusterObject): ClusterObject {
  const labels = at(object, 'metadata', 'labels')
  const named = {
    ...(isJsonObject(labels) ? labels : {}),
    'kubernetes.io/metadata.name': object.metadata.name,
  }
  return { ...object, metadata: { ...object.metadata, labels: named }, status: { phase: 'Active' } }
}
