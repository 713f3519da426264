import type { Parsed } from '../../json/schema.ts'
import type { ClusterObject, ResourceName } from '../cluster-client.ts'
import { at, isJsonObject, listAt, textAt } from '../json.ts'

/** One column of `kubectl get`, as a CustomResourceDefinition's `additionalPrinterColumns` has it. */
export interface Column {
  readonly name: string
  /** `date` holds an RFC 3339 moment and is shown as an age. */
  readonly type: 'string' | 'integer' | 'boolean' | 'date'
  /** 0 is always shown, 1 only with `-o wide`. */
  readonly priority: 0 | 1
  readonly value: (object: ClusterObject) => unknown
}

/** A column with the value at a path, e.g. `text('State', 'status', 'currentState')`. */
export function text(name: string, ...path: readonly string[]): Column {
  return { name, type: 'string', priority: 0, value: (object) => at(object, ...path) }
}

/** A column that shows true or false. */
export function flag(name: string, ...path: readonly string[]): Column {
  return { ...text(name, ...path), type: 'boolean' }
}

/** A column with the age of the moment at a path. */
export function since(name: string, ...path: readonly string[]): Column {
  return { ...text(name, ...path), type: 'date' }
}

/** A column with the status of one condition, `True`, `False` or `Unknown`. */
export function condition(name: string, type: string): Column {
  const value = (object: ClusterObject) =>
    listAt(object, 'status', 'conditions')
      .filter(isJsonObject)
      .find((entry) => entry.type === type)?.status
  return { name, type: 'string', priority: 0, value }
}

/** The same column, only with `-o wide`. */
export function wide(column: Column): Column {
  return { ...column, priority: 1 }
}

/** The first column of every table. */
export const name = text('Name', 'metadata', 'name')

/** The last column of most tables. */
export const age = since('Age', 'metadata', 'creationTimestamp')

/** The number of webhooks in a configuration. */
export const webhookCount: Column = {
  name: 'Webhooks',
  type: 'integer',
  priority: 0,
  value: (object) => listAt(object, 'webhooks').length,
}

/** The object of an Event, as `node/n1`. */
export const involvedObject: Column = {
  name: 'Object',
  type: 'string',
  priority: 0,
  value: (object) =>
    `${textAt(object, 'involvedObject', 'kind').toLowerCase()}/${textAt(object, 'involvedObject', 'name')}`,
}

/** When an Event was last seen; writers of the newer form leave `lastTimestamp` empty. */
export const lastSeen: Column = {
  name: 'Last Seen',
  type: 'date',
  priority: 0,
  value: (object) =>
    at(object, 'lastTimestamp') ?? at(object, 'eventTime') ?? object.metadata.creationTimestamp,
}
/** The facts about a served resource. */

export interface ResourceFacts extends ResourceName {
  readonly kind: string
  readonly singular: string
  readonly shortNames: readonly string[]
  readonly namespaced: boolean
  /**
   * True with a `/status` subresource: the main path then cannot write `status`, and `/status` writes nothing
   * else.
   */
  readonly hasStatus: boolean
  /** True if `metadata.generation` counts the changes of spec. */
  readonly hasGeneration: boolean
  /** Fields that a `fieldSelector` may name besides `metadata.name` and `metadata.namespace`. */
  readonly selectable: readonly string[]
  /** The columns of `kubectl get`. */
  readonly columns: readonly Column[]
  /** Validates the schema. */
  readonly parse: (raw: unknown) => Parsed<unknown>
}
