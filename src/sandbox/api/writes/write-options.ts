import { isJsonObject, listAt, textAt, type JsonObject } from '../../json.ts'
import { badRequest, invalid } from '../failure.ts'
import type { WriteOptions } from '../request-context.ts'

/** Options kinds as reviews carry them; a patch is reviewed with UpdateOptions (kubernetes.md, The request). */
export type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'DeleteOptions'

const fieldValidations = ['', 'Ignore', 'Warn', 'Strict']

/**
 * Reads how a write is to be done from its parameters, and for a deletion from its body too.
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

/** The body counts when there is one; otherwise the parameters do. */
function deleteOptions(query: URLSearchParams, body: unknown): JsonObject {
  if (body !== undefined) {
    if (isJsonObject(body)) return body
    throw badRequest('the body of a deletion must be DeleteOptions')
  }
  const propagationPolicy = query.get('propagationPolicy')
  const { dryRun } = queryOptions(query)
  return { ...(propagationPolicy && { propagationPolicy }), ...(dryRun !== undefined && { dryRun }) }
}
