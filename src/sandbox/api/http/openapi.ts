import type { JsonObject } from '../../json.ts'
import { groupVersions, rootOf } from './discovery.ts'
import { apiVersionOf, resources } from '../resources.ts'
import { type ResourceFacts } from '../columns.ts'

/** A body and what it is. */
export interface Document {
  readonly contentType: string
  readonly body: string
}

/**
 * The OpenAPI documents, as small as kubectl can do with. It reads in version 3 whether the server itself checks
 * the fields of an object (`fieldValidation`) and knows dry runs, and then checks nothing by itself. Version 2 is
 * only asked for in protobuf, where no bytes at all are an empty document.
 *
 * @param accept the `Accept` header
 * @returns undefined for a path that is none of them
 */
export function openApi(path: string, accept: string | undefined): Document | undefined {
  const protobuf = /application\/com\.github\.proto-openapi\.spec\.v2[^,;]*protobuf/.exec(accept ?? '')?.[0]
  if (path === '/openapi/v2' && protobuf !== undefined) return { contentType: protobuf, body: '' }
  const document = documentAt(path)
  return document && { contentType: 'application/json', body: JSON.stringify(document) }
}

function documentAt(path: string): JsonObject | undefined {
  const info = { title: 'Holdfast sandbox', version: 'v1.32.0' }
  if (path === '/openapi/v2') return { swagger: '2.0', info, paths: {} }
  if (path === '/openapi/v3') return { paths: Object.fromEntries(groupVersions().map(rootEntry)) }
  const groupVersion = groupVersions().find((candidate) => path === `/openapi/v3${rootOf(candidate)}`)
  if (groupVersion === undefined) return undefined
  const paths = resources.filter((resource) => apiVersionOf(resource) === groupVersion).map(pathEntry)
  return { openapi: '3.0.0', info, paths: Object.fromEntries(paths), components: { schemas: {} } }
}

function rootEntry(groupVersion: string): readonly [string, JsonObject] {
  const root = rootOf(groupVersion)
  return [root.slice(1), { serverRelativeURL: `/openapi/v3${root}` }]
}

function pathEntry(resource: ResourceFacts): readonly [string, JsonObject] {
  const { group, version, kind, plural, namespaced } = resource
  const parameters = ['dryRun', 'fieldValidation', 'fieldManager'].map((name) => ({
    name,
    in: 'query',
    schema: { type: 'string' },
  }))
  const patch = { parameters, responses: {}, 'x-kubernetes-group-version-kind': { group, version, kind } }
  const root = rootOf(apiVersionOf(resource))
  return [`${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}/{name}`, { patch }]
}
