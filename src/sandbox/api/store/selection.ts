import type { ClusterObject } from '../../cluster-client.ts'
import { at, isJsonObject, shown } from '../../json.ts'
import { badRequest } from '../failure.ts'
import { parseLabelSelector } from './label-selector.ts'
import type { ResourceFacts } from '../columns.ts'

/** Which objects of a resource a list or a watch is about. */
export type Selection = (object: ClusterObject) => boolean

/**
 * Reads `labelSelector` and `fieldSelector`.
 *
 * @throws ApiError 400 for one that cannot be read, or for a field that cannot be selected by
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
  // A backslash keeps a comma or an equals sign as part of the value, for what Kubernetes writes itself.
  const wanted = value.replace(/\\(.)/g, '$1')
  const equal = operator !== '!='
  return (object) => (shown(at(object, ...field.split('.'))) === wanted) === equal
}
