import type { ClusterObject } from '../../cluster-client.ts'
import { at, isJsonObject, type JsonObject, shown, textAt } from '../../json.ts'
import { badRequest, expired, timedOut } from '../failure.ts'
import type { Target } from '../http/request.ts'
import type { ResourceFacts } from '../resource-facts.ts'
import { apiVersionOf } from '../resources.ts'
import { parseLabelSelector } from './label-selector.ts'
import { keyOf, type Store } from './store.ts'

/** One page of a list. */
interface Page {
  readonly items: readonly ClusterObject[]
  /** `metav1.ListMeta`. */
  readonly metadata: JsonObject
}

/** Where a list continues: the revision of its first page, and the key of the last object. */
interface Continue {
  readonly revision: number
  readonly after: string
}

/**
 * Lists a collection. All pages of one list show the state of the first page, as with a real API server.
 *
 * @throws ApiError 400 for unreadable parameters, 410 if the history no longer has the state of the first
 * page, 504 for a state that is newer than the current one
 */
export function listPage(store: Store, target: Target, query: URLSearchParams): Page {
  const { resource } = target
  const namespace = target.namespace === '' ? undefined : target.namespace
  const selection = selectionOf(resource, query)
  const limit = wholeNumber(query, 'limit')
  const from = continueOf(query.get('continue') ?? '')
  const revision = from?.revision ?? revisionOf(store, query)
  const all = store.listAt(resource, namespace, revision)
  if (!all)
    throw expired(
      from
        ? 'The provided continue parameter is too old to display a consistent list result: start the list again'
        : `The resourceVersion for the provided list is too old: ${revision}`,
    )
  const selected = all.filter((object) => selection(object) && (!from || keyOfObject(object) > from.after))
  const items = limit === 0 ? selected : selected.slice(0, limit)
  const last = items.at(-1)
  const more = last !== undefined && items.length < selected.length
  return {
    items,
    metadata: {
      resourceVersion: String(revision),
      ...(more && {
        continue: tokenOf({ revision, after: keyOfObject(last) }),
        remainingItemCount: selected.length - items.length,
      }),
    },
  }
}

/** The list as an object, e.g. a `BackingImageList`. */
export function listObject(resource: ResourceFacts, { items, metadata }: Page): JsonObject {
  return { apiVersion: apiVersionOf(resource), kind: `${resource.kind}List`, metadata, items }
}

/** A parameter with an integer; 0 without one. @throws ApiError 400 */
export function wholeNumber(query: URLSearchParams, parameter: string): number {
  const given = query.get(parameter) ?? '0'
  if (!/^\d{1,15}$/.test(given)) throw badRequest(`${parameter} must be a whole number, but is "${given}"`)
  return Number(given)
}

/** Only `Exact` asks for an old state; the newest state satisfies all others. */
function revisionOf(store: Store, query: URLSearchParams): number {
  const wanted = wholeNumber(query, 'resourceVersion')
  if (wanted > store.revision)
    throw timedOut(`Too large resource version: ${wanted}, current: ${store.revision}`)
  return query.get('resourceVersionMatch') === 'Exact' ? wanted : store.revision
}

function tokenOf(token: Continue): string {
  return Buffer.from(JSON.stringify(token)).toString('base64url')
}

function continueOf(token: string): Continue | undefined {
  if (token === '') return undefined
  const problem = 'the continue parameter is not one that this server gave'
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, 'base64url').toString())
    const revision = at(decoded, 'revision')
    if (typeof revision === 'number') return { revision, after: textAt(decoded, 'after') }
  } catch (error) {
    throw Object.assign(badRequest(problem), { cause: error })
  }
  throw badRequest(problem)
}

function keyOfObject({ metadata }: ClusterObject): string {
  return keyOf(metadata.namespace ?? '', metadata.name)
}

/** The objects of a list or a watch. */
export type Selection = (object: ClusterObject) => boolean

/**
 * Reads `labelSelector` and `fieldSelector`.
 *
 * @throws ApiError 400 for an unreadable one, or for an unsupported field
 */
export function selectionOf(resource: ResourceFacts, query: URLSearchParams): Selection {
  const labelText = query.get('labelSelector') ?? ''
  const byLabels = parseLabelSelector(labelText)
  if (!byLabels) throw badRequest(`unable to parse the label selector "${labelText}"`)
  const byFields = (query.get('fieldSelector') ?? '')
    .split(',')
    .filter((clause) => clause.trim() !== '')
    .map((clause) => fieldClause(resource, clause.trim()))
  return (object) => {
    const labels = at(object, 'metadata', 'labels')
    return byLabels(isJsonObject(labels) ? labels : {}) && byFields.every((holds) => holds(object))
  }
}

function fieldClause(resource: ResourceFacts, clause: string): Selection {
  const parts = /^(?<field>[\w.]+)(?<operator>==|=|!=)(?<value>.*)$/.exec(clause)?.groups
  const { field = '', operator = '', value = '' } = parts ?? {}
  if (!parts) throw badRequest(`unable to parse the field selector "${clause}"`)
  const selectable = ['metadata.name', 'metadata.namespace', ...resource.selectable]
  if (!selectable.includes(field))
    throw badRequest(
      `field label not supported: ${field}; ${resource.plural} can be selected by ${selectable.join(', ')}`,
    )
  // A backslash escapes a comma or an equals sign, in selectors that Kubernetes writes itself.
  const wanted = value.replace(/\\(.)/g, '$1')
  const equal = operator !== '!='
  return (object) => (shown(at(object, ...field.split('.'))) === wanted) === equal
}
