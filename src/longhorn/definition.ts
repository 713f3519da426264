import { fieldOf, fieldsOf, isJsonObject } from '../json/schema.ts'
import {
  BackingImageDataSourceSchema,
  BackingImageManagerSchema,
  BackingImageSchema,
} from './backing-image.ts'
import { allKinds, group, type Kind, version } from './kinds.ts'
import { NodeSchema } from './node.ts'
import { ReplicaSchema } from './replica.ts'
import { SettingSchema } from './setting.ts'

/** A field of a definition. */
export interface Field {
  /** As in JSON Schema: `object`, `string`, …; empty if the definition leaves it open. */
  readonly type: string
  /** The allowed values; empty if any is allowed. */
  readonly values: readonly string[]
  /** True if the API server keeps whatever is below, named or not. */
  readonly isOpen: boolean
}

/** Fields by their paths: `spec.disks.*.tags[]`. `*` is any key of a map, and `[]` any item of a list. */
export type Fields = ReadonlyMap<string, Field>

/** A CustomResourceDefinition of Longhorn, as far as Holdfast depends on it. */
export interface Definition {
  readonly kind: Kind
  readonly plural: string
  readonly shortNames: readonly string[]
  readonly isNamespaced: boolean
  /** Of the version that Holdfast reads. The fields are undefined if the definition lacks that version or does not serve it. */
  readonly fields: Fields | undefined
  /** Whether a write to `/status` is separate from one to the object, in that version. */
  readonly hasStatus: boolean
}

/**
 * Reads a CustomResourceDefinition.
 *
 * @returns undefined for other objects, other groups and kinds that Holdfast does not read
 */
export function readDefinition(raw: unknown): Definition | undefined {
  if (fieldOf(raw, 'kind') !== 'CustomResourceDefinition') return undefined
  const spec = fieldOf(raw, 'spec')
  const names = fieldOf(spec, 'names')
  const kind = allKinds.find((each) => each === fieldOf(names, 'kind'))
  if (fieldOf(spec, 'group') !== group || kind === undefined) return undefined
  const ours = listOf(fieldOf(spec, 'versions')).find((each) => fieldOf(each, 'name') === version)
  const schema = fieldOf(fieldOf(ours, 'schema'), 'openAPIV3Schema')
  return {
    kind,
    plural: textOf(fieldOf(names, 'plural')),
    shortNames: listOf(fieldOf(names, 'shortNames')).map(textOf),
    isNamespaced: fieldOf(spec, 'scope') === 'Namespaced',
    fields: fieldOf(ours, 'served') === true ? fieldsBelow(schema) : undefined,
    hasStatus: isJsonObject(fieldOf(fieldOf(ours, 'subresources'), 'status')),
  }
}

/**
 * The fields that Holdfast reads of a kind, without `metadata`: that is Kubernetes' own, and a definition only says that it is
 * an object.
 */
export function fieldsRead(kind: Kind): Fields {
  return new Map([...fieldsBelow(schemas[kind])].filter(([path]) => path.split('.')[0] !== 'metadata'))
}

const schemas: Readonly<Record<Kind, object>> = {
  Node: NodeSchema,
  BackingImage: BackingImageSchema,
  BackingImageDataSource: BackingImageDataSourceSchema,
  BackingImageManager: BackingImageManagerSchema,
  Replica: ReplicaSchema,
  Setting: SettingSchema,
}

/** The fields of a JSON Schema: of a definition, or one of our own. The root has the empty path. */
function fieldsBelow(schema: unknown): Fields {
  return new Map(walk(schema, ''))
}

function* walk(schema: unknown, path: string): Generator<[string, Field], void> {
  const wanted = withoutNull(schema)
  yield [
    path,
    {
      type: textOf(fieldOf(wanted, 'type')),
      values: listOf(fieldOf(wanted, 'enum')).map(textOf),
      isOpen: fieldOf(wanted, 'x-kubernetes-preserve-unknown-fields') === true,
    },
  ]
  for (const [name, below] of fieldsOf(fieldOf(wanted, 'properties')) ?? [])
    yield* walk(below, path === '' ? name : `${path}.${name}`)
  const entries = fieldOf(wanted, 'additionalProperties')
  if (isJsonObject(entries)) yield* walk(entries, `${path}.*`)
  const items = fieldOf(wanted, 'items')
  if (isJsonObject(items)) yield* walk(items, `${path}[]`)
}

/** In a schema of ours a field may be null wherever Longhorn's leaves it out. */
function withoutNull(schema: unknown): unknown {
  const branches = listOf(fieldOf(schema, 'anyOf'))
  return branches.find((each) => fieldOf(each, 'type') !== 'null') ?? schema
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
