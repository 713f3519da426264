import type { JsonObject } from '../../json.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { apiVersionOf, resources } from '../resources.ts'
import { selfReviews } from './self-reviews.ts'

/** The server version in `kubectl version`: the release whose behaviour this server has. */
const serverVersion = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+holdfast.sandbox',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: 'sandbox',
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']

/**
 * Answers the discovery requests of kubectl and other clients, in the form with one group version at a time.
 * A client that asks for all at once learns that from the content type, and asks again.
 *
 * @returns undefined for a path that is not discovery
 */
export function discover(path: string): JsonObject | undefined {
  switch (path) {
    case '/version':
      return serverVersion
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
    case '/apis':
      return {
        kind: 'APIGroupList',
        apiVersion: 'v1',
        groups: groupVersions()
          .filter((gv) => gv.includes('/'))
          .map(groupOf),
      }
    default: {
      const served = groupVersions().find((groupVersion) => path === rootOf(groupVersion))
      if (served !== undefined) return resourceList(served)
      const group = groupVersions().find(
        (groupVersion) => path === `/apis/${groupVersion.split('/')[0] ?? ''}`,
      )
      return group === undefined ? undefined : { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group) }
    }
  }
}

/** Every group version of the server: `v1`, `longhorn.io/v1beta2`, … */
function groupVersions(): readonly string[] {
  return [...new Set([...resources, ...selfReviews].map(apiVersionOf))]
}

/** The path of a group version: `/api/v1`, `/apis/longhorn.io/v1beta2`. */
function rootOf(groupVersion: string): string {
  return groupVersion.includes('/') ? `/apis/${groupVersion}` : `/api/${groupVersion}`
}

function groupOf(groupVersion: string): JsonObject {
  const [name, version] = groupVersion.split('/')
  const preferred = { groupVersion, version }
  return { name, versions: [preferred], preferredVersion: preferred }
}

function resourceList(groupVersion: string): JsonObject {
  const stored = resources.filter((resource) => apiVersionOf(resource) === groupVersion).flatMap(entriesOf)
  const asked = selfReviews
    .filter((review) => apiVersionOf(review) === groupVersion)
    .map(({ plural, kind }) => ({
      name: plural,
      singularName: '',
      namespaced: false,
      kind,
      verbs: ['create'],
    }))
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [...stored, ...asked] }
}

function entriesOf({
  plural,
  singular,
  namespaced,
  kind,
  shortNames,
  hasStatus,
}: ResourceFacts): readonly JsonObject[] {
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
  }
  const status = {
    name: `${plural}/status`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
  }
  return hasStatus ? [main, status] : [main]
}

/** A body and its media type. */
interface Document {
  readonly contentType: string
  readonly body: string
}

/**
 * The OpenAPI documents, as small as kubectl accepts. In version 3 it reads whether the server checks the
 * fields of an object (`fieldValidation`) and knows dry runs, and then checks nothing itself. It asks for
 * version 2 in protobuf only, where zero bytes are an empty document.
 *
 * @param accept the `Accept` header
 * @returns undefined for any other path
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
