import { jsonPatch, mergePatch } from '../../../json/patch.ts'
import { group as longhornGroup } from '../../../longhorn/kinds.ts'
import type { ClusterObject } from '../../cluster-client.ts'
import { isJsonObject, type JsonObject, listAt, textAt } from '../../json.ts'
import { badRequest, invalid, unsupportedMediaType } from '../failure.ts'
import type { WriteOptions } from '../http/request.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { strategicMerge } from './strategic-merge.ts'

/** Options kinds as reviews carry them; a patch is reviewed with UpdateOptions (kubernetes.md, The request). */
export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'DeleteOptions'

const fieldValidations = ['', 'Ignore', 'Warn', 'Strict']

/**
 * Reads the options of a write from its parameters, and for a deletion from its body too.
 *
 * @throws ApiError 422 for a dry run other than `All` or an unknown field validation
 */
export function writeOptions(kind: OptionsKind, query: URLSearchParams, body?: unknown): WriteOptions {
  const sent = kind === 'DeleteOptions' ? deleteOptions(query, body) : queryOptions(query)
  const dryRun = listAt(sent, 'dryRun')
  const named = { group: 'meta.k8s.io', plural: kind.toLowerCase(), kind }
  if (dryRun.some((stage) => stage !== 'All'))
    throw invalid(named, '', [
      { field: 'dryRun', message: `Unsupported value: "${dryRun.join()}": supported values: "All"` },
    ])
  const fieldValidation = textAt(sent, 'fieldValidation')
  if (!fieldValidations.includes(fieldValidation))
    throw invalid(named, '', [
      { field: 'fieldValidation', message: `Unsupported value: "${fieldValidation}"` },
    ])
  return { dryRun: dryRun.length > 0, options: { kind, apiVersion: 'meta.k8s.io/v1', ...sent } }
}

function queryOptions(query: URLSearchParams): JsonObject {
  const dryRun = query.getAll('dryRun').filter((stage) => stage !== '')
  const fieldManager = query.get('fieldManager')
  const fieldValidation = query.get('fieldValidation')
  return {
    ...(dryRun.length > 0 && { dryRun }),
    ...(fieldManager && { fieldManager }),
    ...(fieldValidation && { fieldValidation }),
  }
}

/** A body wins over the parameters. */
function deleteOptions(query: URLSearchParams, body: unknown): JsonObject {
  if (body !== undefined) {
    if (isJsonObject(body)) return body
    throw badRequest('the body of a deletion must be DeleteOptions')
  }
  const propagationPolicy = query.get('propagationPolicy')
  const { dryRun } = queryOptions(query)
  return { ...(propagationPolicy && { propagationPolicy }), ...(dryRun !== undefined && { dryRun }) }
}

/**
 * Turns a patch into a function from the old to the new object.
 *
 * @param mediaType the content type, without parameters
 * @throws ApiError 415 for an unsupported type. The returned function throws 400 for a malformed patch, and
 *   422 for one that does not fit the object
 */
export function patchOf(
  resource: ResourceFacts,
  mediaType: string,
  patch: unknown,
): (current: ClusterObject) => unknown {
  switch (mediaType) {
    case 'application/merge-patch+json':
      return (current) => mergePatch(current, patch)
    case 'application/json-patch+json':
      return (current) => patched(resource, current, patch)
    case 'application/strategic-merge-patch+json':
      // An API server does not support them for kinds of a CustomResourceDefinition either.
      if (resource.group === longhornGroup)
        throw unsupportedMediaType(
          'the body of the request was in an unknown format - strategic merge patch is not supported for custom resources: patch with --type=merge or --type=json',
        )
      return (current) => strategicMerge(current, patch)
    case 'application/apply-patch+yaml':
    case 'application/apply-patch+cbor':
      throw unsupportedMediaType(
        'the embedded cluster does not know server-side apply: leave out --server-side, or use kubectl patch --type=merge',
      )
    default:
      throw unsupportedMediaType(
        `the body of the request was in an unknown format (${mediaType}): accepted media types include application/json-patch+json, application/merge-patch+json`,
      )
  }
}

function patched(resource: ResourceFacts, current: ClusterObject, patch: unknown): unknown {
  const outcome = jsonPatch(current, patch)
  if (outcome.ok) return outcome.value
  if (!outcome.fits) throw badRequest(outcome.problem)
  throw invalid(resource, current.metadata.name, [{ field: 'patch', message: outcome.problem }])
}
