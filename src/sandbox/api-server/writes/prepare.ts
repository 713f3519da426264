import { isDeepStrictEqual } from 'node:util'
import type { ClusterObject } from '../../cluster-client.ts'
import { at, isJsonObject, without } from '../../json.ts'
import { badRequest, conflict, invalid } from '../failure.ts'
import type { Target } from '../http/request.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { namespaces } from '../resources.ts'
import { checkObject } from './decode.ts'

/** The fields that a client cannot change. */
const fixed = [
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]

/**
 * Makes the next version of a stored object. The main path cannot write `status`, `/status` writes nothing
 * else, the fixed metadata stay, and `generation` counts the changes of spec.
 *
 * @throws ApiError 409 if it was made from another version, 422 if it is not valid
 */
export function prepareUpdate(target: Target, current: ClusterObject, wanted: ClusterObject): ClusterObject {
  const { resource, subresource } = target
  checkVersion(resource, current, wanted)
  const next = subresource === 'status' ? withStatus(current, wanted) : withMain(resource, current, wanted)
  checkObject(resource, next)
  return next
}

function checkVersion(resource: ResourceFacts, current: ClusterObject, wanted: ClusterObject): void {
  const { name, resourceVersion, uid } = wanted.metadata
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
    throw conflict(
      resource,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    )
  if (uid && uid !== current.metadata.uid)
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`,
    )
}

function withStatus(current: ClusterObject, wanted: ClusterObject): ClusterObject {
  return sameKind(current, { ...without(current, 'status'), ...statusOf(wanted) }, current.metadata)
}

function withMain(resource: ResourceFacts, current: ClusterObject, wanted: ClusterObject): ClusterObject {
  const kept = Object.fromEntries(
    fixed.filter((field) => field in current.metadata).map((field) => [field, current.metadata[field]]),
  )
  const metadata = {
    ...without(wanted.metadata, ...fixed, 'generation'),
    ...kept,
    name: current.metadata.name,
    ...(resource.hasGeneration && { generation: current.metadata.generation }),
  }
  const content = resource.hasStatus ? { ...without(wanted, 'status'), ...statusOf(current) } : wanted
  const next = sameKind(current, content, metadata)
  checkFinalizers(resource, current, next)
  if (!resource.hasGeneration || isDeepStrictEqual(whatIsWanted(current), whatIsWanted(next))) return next
  return { ...next, metadata: { ...metadata, generation: nextGeneration(current) } }
}

/** The generation after a change of spec; the deletion of an object counts as one. */
export function nextGeneration(current: ClusterObject): number {
  const generation = at(current, 'metadata', 'generation')
  return (typeof generation === 'number' ? generation : 0) + 1
}

/** The status as a field; absent without one. */
function statusOf(object: ClusterObject): { readonly status?: unknown } {
  return object.status === undefined ? {} : { status: object.status }
}

function whatIsWanted(object: ClusterObject) {
  return without(object, 'metadata', 'status')
}

function sameKind(
  { apiVersion, kind }: ClusterObject,
  content: Readonly<Record<string, unknown>>,
  metadata: ClusterObject['metadata'],
): ClusterObject {
  return { ...content, apiVersion, kind, metadata }
}

/** An object that is being deleted may only lose finalizers, or its deletion might never end. */
function checkFinalizers(resource: ResourceFacts, current: ClusterObject, next: ClusterObject): void {
  if (current.metadata.deletionTimestamp === undefined) return
  const before = current.metadata.finalizers ?? []
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !before.includes(finalizer))
  if (added.length === 0) return
  const message = `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${added.join(', ')}`
  throw invalid(resource, next.metadata.name, [{ field: 'metadata.finalizers', message }])
}

/**
 * Makes the stored form of a new object: with name, uid and time, and without a status if that is a
 * subresource.
 *
 * @param fresh the values that only the server gives: the uid, the time (RFC 3339), the end of a generated
 *   name
 * @throws ApiError 400 or 422 if it cannot be created
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

/** Every namespace has its name as a label, so that webhooks can select it. */
function activeNamespace(object: ClusterObject): ClusterObject {
  const labels = at(object, 'metadata', 'labels')
  const named = {
    ...(isJsonObject(labels) ? labels : {}),
    'kubernetes.io/metadata.name': object.metadata.name,
  }
  return { ...object, metadata: { ...object.metadata, labels: named }, status: { phase: 'Active' } }
}
