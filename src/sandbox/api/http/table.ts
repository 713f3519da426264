import type { ClusterObject } from '../../cluster-client.ts'
import { shown, type JsonObject } from '../../json.ts'
import { ageOf } from './age.ts'
import type { Column } from '../columns.ts'
import type { ResourceFacts } from '../columns.ts'

/** How much of each object a row carries. */
export type IncludeObject = 'None' | 'Metadata' | 'Object'

/** How the table is to be made. */
export interface TableOptions {
  readonly include: IncludeObject
  /** For the ages. */
  readonly nowMs: number
  /** False for all but the first table of a watch: the columns are then known. */
  readonly withColumns: boolean
}

/** What `kubectl get` prints: the server chooses the columns, kubectl only aligns them. */
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
