import type { ClusterObject } from '../../cluster-client.ts'
import { isJsonObject, shown } from '../../json.ts'
import { badRequest, invalid, type Problem } from '../failure.ts'
import type { Target } from '../http/request.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { apiVersionOf } from '../resources.ts'

/**
 * Reads the client's body as an object of the resource in the path.
 *
 * @returns with `metadata.namespace` filled in from the path; `metadata.name` may be empty (`generateName`)
 * @throws ApiError 400 for another kind, 422 if a field of its metadata has the wrong type
 */
export function decodeObject(raw: unknown, target: Target): ClusterObject {
  const { resource, namespace } = target
  if (!isJsonObject(raw)) throw badRequest('the body of the request must be a JSON object')
  const apiVersion = apiVersionOf(resource)
  // In a request to a subresource, typed clients may omit both; a wrong one is always an error.
  if (raw.apiVersion !== undefined && raw.apiVersion !== apiVersion)
    throw badRequest(
      `the API version in the data (${shown(raw.apiVersion)}) does not match the expected API version (${apiVersion})`,
    )
  if (raw.kind !== undefined && raw.kind !== resource.kind)
    throw badRequest(
      `the kind in the data (${shown(raw.kind)}) does not match the expected kind (${resource.kind})`,
    )
  const metadata = raw.metadata ?? {}
  if (!isJsonObject(metadata)) throw badRequest('metadata must be an object')
  const problems = Object.entries(sorts)
    .filter(([field, isSort]) => (metadata[field] ?? undefined) !== undefined && !isSort(metadata[field]))
    .map(([field]) => ({
      field: `metadata.${field}`,
      message: 'Invalid value: the field is of the wrong sort',
    }))
  const name = typeof metadata.name === 'string' ? metadata.name : ''
  if (problems.length > 0) throw invalid(resource, name, problems)
  if (resource.namespaced && (metadata.namespace ?? namespace) !== namespace)
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request: ${shown(metadata.namespace)} is not ${namespace}`,
    )
  const located = { ...metadata, name, ...(resource.namespaced && { namespace }) }
  const object: unknown = { ...raw, apiVersion, kind: resource.kind, metadata: located }
  if (!isClusterObject(object)) throw badRequest('the body of the request is not an object of Kubernetes')
  return object
}

const isText = (value: unknown) => typeof value === 'string'
const isTextMap = (value: unknown) => isJsonObject(value) && Object.values(value).every(isText)
const isTextList = (value: unknown) => Array.isArray(value) && value.every(isText)

/** The metadata fields whose types other code relies on. */
const sorts: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: isText,
  generateName: isText,
  namespace: isText,
  uid: isText,
  resourceVersion: isText,
  creationTimestamp: isText,
  deletionTimestamp: isText,
  labels: isTextMap,
  annotations: isTextMap,
  finalizers: isTextList,
  ownerReferences: Array.isArray,
}

/** Narrows to the types that {@link sorts} has checked. */
function isClusterObject(value: unknown): value is ClusterObject {
  return (
    isJsonObject(value) &&
    isText(value.apiVersion) &&
    isText(value.kind) &&
    isJsonObject(value.metadata) &&
    isText(value.metadata.name)
  )
}

const namePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
/** The longest name of any object. */
const maxNameLength = 253

/**
 * The schema check, just before the webhooks: an invalid object never reaches them
 * (kubernetes.md, The request).
 *
 * @throws ApiError 422 with every cause
 */
export function checkObject(resource: ResourceFacts, object: ClusterObject): void {
  const { name } = object.metadata
  const problems: Problem[] = []
  if (!namePattern.test(name) || name.length > maxNameLength)
    problems.push({
      field: 'metadata.name',
      message: `Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character`,
    })
  const parsed = resource.parse(object)
  if (!parsed.ok) problems.push(fieldProblem(parsed.problem))
  if (problems.length > 0) throw invalid(resource, name, problems)
}

/** A parser's sentence begins with the field: `spec.evictionRequested must be boolean, but is "true"`. */
function fieldProblem(problem: string): Problem {
  const [first = '', ...rest] = problem.split(' ')
  const isField = first !== 'the'
  return isField
    ? { field: first, message: `Invalid value: it ${rest.join(' ')}` }
    : { field: '', message: problem }
}
