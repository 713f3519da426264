import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import {
  BackingImageDataSourceSchema,
  BackingImageManagerSchema,
  BackingImageSchema,
} from '../../src/longhorn/backing-image.ts'
import { group, type Kind, kinds, version } from '../../src/longhorn/kinds.ts'
import { NodeSchema } from '../../src/longhorn/node.ts'
import { ReplicaSchema } from '../../src/longhorn/replica.ts'
import { SettingSchema } from '../../src/longhorn/setting.ts'

/** A folder of Longhorn's own definitions, one a file: what Longhorn has, against what is read here. */
const folder = process.env.HOLDFAST_CRDS
const skip = folder === undefined ? 'HOLDFAST_CRDS is not set' : false

const schemas: Readonly<Record<Kind, Schema>> = {
  Node: NodeSchema,
  BackingImage: BackingImageSchema,
  BackingImageDataSource: BackingImageDataSourceSchema,
  BackingImageManager: BackingImageManagerSchema,
  Replica: ReplicaSchema,
  Setting: SettingSchema,
}

/** As much of JSON Schema as definitions and our own schemas use. */
interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

interface Definition {
  readonly spec: {
    readonly group: string
    readonly scope: string
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] }
    readonly versions: readonly {
      readonly name: string
      readonly served: boolean
      readonly schema: { readonly openAPIV3Schema: Schema }
      readonly subresources?: { readonly status?: object }
    }[]
  }
}

/** The definitions in the folder, by file name. */
function definitions(): Map<string, Definition> {
  const found = new Map<string, Definition>()
  if (folder === undefined) return found
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
    found.set(file, parse(readFileSync(join(folder, file), 'utf8')) as Definition)
  }
  return found
}

/** The fields that ours names and theirs lacks or has with another type. */
function* differences(ours: Schema, theirs: Schema | undefined, path: string): Iterable<string> {
  // Ours may be null wherever theirs is left out.
  const wanted = ours.anyOf?.find(({ type }) => type !== 'null') ?? ours
  if (!theirs) {
    yield `${path} does not exist`
    return
  }
  if (wanted.type !== theirs.type) {
    yield `${path} is ${String(theirs.type)}, not ${String(wanted.type)}`
    return
  }
  for (const [name, field] of Object.entries(wanted.properties ?? {})) {
    yield* differences(field, theirs.properties?.[name], `${path}.${name}`)
  }
  for (const entry of Object.values(wanted.patternProperties ?? {})) {
    yield* differences(entry, theirs.additionalProperties, `${path}.*`)
  }
  if (wanted.items) yield* differences(wanted.items, theirs.items, `${path}[]`)
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name)
}

t.test('there is a definition of each kind', { skip }, (t) => {
  const defined = new Set([...definitions().values()].map(({ spec }) => spec.names.kind))
  t.same(
    Object.keys(kinds).filter((kind) => !defined.has(kind)),
    [],
  )
  t.end()
})

t.test('group, version and names are those of the definitions', { skip }, (t) => {
  for (const [file, { spec }] of definitions()) {
    const { kind, plural, shortNames } = spec.names
    if (!isKind(kind)) continue
    t.equal(spec.group, group, file)
    t.equal(spec.scope, 'Namespaced', file)
    t.equal(plural, kinds[kind].plural, file)
    t.ok(shortNames.includes(kinds[kind].shortName), `${file}: ${shortNames.join()}`)
    t.ok(
      spec.versions.some(
        ({ name, served, subresources }) => name === version && served && subresources?.status,
      ),
      file,
    )
  }
  t.end()
})

t.test('every field that is read exists with a type that fits', { skip }, (t) => {
  for (const [file, { spec }] of definitions()) {
    const { kind } = spec.names
    const schema = spec.versions.find(({ name }) => name === version)?.schema.openAPIV3Schema
    if (!isKind(kind) || !schema) continue
    // metadata is Kubernetes' own: a definition only says that it is an object.
    const { metadata, ...properties } = schemas[kind].properties ?? {}
    t.ok(metadata, file)
    t.same([...differences({ type: 'object', properties }, schema, kind)], [], file)
  }
  t.end()
})
