import { ageOf } from '../../../time/age.ts'
import type { ClusterObject } from '../../cluster-client.ts'
import { type JsonObject, shown } from '../../json.ts'
import type { Column, ResourceFacts } from '../resource-facts.ts'

/** How much of each object a row has. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** Options of the table. */
interface TableOptions {
  readonly include: IncludeObject
  /** For the ages. */
  readonly nowMs: number
  /** False for all but the first table of a watch, since the client then knows the columns. */
  readonly withColumns: boolean
}

/** The output of `kubectl get`: the server chooses the columns, kubectl only aligns them. */
export function tableOf(
  resource: ResourceFacts,
  objects: readonly ClusterObject[],
  metadata: JsonObject,
  options: TableOptions,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: options.withColumns ? resource.columns.map(definitionOf) : [],
    rows: objects.map((object) => ({
      cells: resource.columns.map((column) => cellOf(column, object, options.nowMs)),
      ...(options.include !== 'None' && { object: options.include === 'Object' ? object : partOf(object) }),
    })),
  }
}

function definitionOf({ name, type, priority }: Column): JsonObject {
  const format = name === 'Name' ? 'name' : ''
  // Cells of a date hold the age, which is a text.
  return { name, type: type === 'date' ? 'string' : type, format, description: name, priority }
}

function cellOf(column: Column, object: ClusterObject, nowMs: number): unknown {
  const value = column.value(object)
  if (column.type === 'date') return ageOf(value, nowMs)
  return column.type === 'string' ? shown(value) : (value ?? '')
}

/** Enough for `-o name`, labels and selectors. */
function partOf({ metadata }: ClusterObject): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata }
}

/** The form of answer that a client wants. */
type Representation = 'object' | 'table' | 'none'

/**
 * Reads an `Accept` header: the first supported representation.
 *
 * @returns `none` if none is supported, e.g. protobuf only
 */
export function representationOf(accept: string | undefined): Representation {
  for (const range of (accept ?? '*/*').split(',')) {
    const [mediaType = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (!['application/json', 'application/*', '*/*'].includes(mediaType)) continue
    const as = parameters.find((parameter) => parameter.startsWith('as='))
    if (as === undefined) return 'object'
    if (as === 'as=table' && parameters.includes('v=v1') && parameters.includes('g=meta.k8s.io'))
      return 'table'
  }
  return 'none'
}
