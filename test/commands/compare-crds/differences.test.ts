import t from 'tap'
import { changesSince, differencesOf } from '../../../src/commands/compare-crds/differences.ts'
import { type Definition, readDefinition } from '../../../src/longhorn/definition.ts'
import { allKinds, type Kind } from '../../../src/longhorn/kinds.ts'
import { at, rawDefinition, type RawSchema } from './raw-definition.ts'

function read(raw: unknown): Definition {
  const definition = readDefinition(raw)
  if (definition === undefined) throw new Error('it is no definition of Longhorn')
  return definition
}

/** The differences of a definition, each on one line, after a change of its schema. */
function said(kind: Kind, change?: (schema: RawSchema) => unknown): string[] {
  return differencesOf(read(rawDefinition(kind, change))).map(
    ({ what, path, text }) => `${what} ${path}: ${text}`,
  )
}

t.test('a definition with exactly the fields that are read has no difference', (t) => {
  for (const kind of allKinds) t.strictSame(said(kind), [], kind)
  t.end()
})

t.test('a field that is gone is broken, and said once for all below it', (t) => {
  const gone = said('BackingImage', (schema) => delete at(schema, 'spec').properties?.diskFileSpecMap)
  t.strictSame(gone, ['broken spec.diskFileSpecMap: it is gone, and the API server drops it'])
  const flag = said('Node', (schema) => delete at(schema, 'spec.disks.*').properties?.evictionRequested)
  t.strictSame(flag, ['broken spec.disks.*.evictionRequested: it is gone, and the API server drops it'])
  t.end()
})

t.test('a field of another type is broken', (t) => {
  const other = said('Replica', (schema) => (at(schema, 'spec.volumeSize').type = 'integer'))
  t.strictSame(other, ['broken spec.volumeSize: it is integer, and Holdfast reads string'])
  const list = said('Node', (schema) => (at(schema, 'spec.tags[]').type = 'object'))
  t.strictSame(list, ['broken spec.tags[]: it is object, and Holdfast reads string'])
  t.end()
})

t.test('a definition that keeps all fields lacks none of them', (t) => {
  const open = (schema: RawSchema) => {
    delete schema.properties
    schema['x-kubernetes-preserve-unknown-fields'] = true
  }
  for (const kind of allKinds) t.strictSame(said(kind, open), [], kind)
  t.end()
})

t.test('a new field of spec is one that check calls unknown', (t) => {
  const more = said('Node', (schema) => (at(schema, 'spec.disks.*.encrypted').type = 'boolean'))
  t.strictSame(more, ['new spec.disks.*.encrypted: no rule reads it, and holdfast check calls it unknown'])
  const below = said('BackingImage', (schema) => {
    at(schema, 'spec.mirror').type = 'object'
    at(schema, 'spec.mirror.url').type = 'string'
    at(schema, 'spec.checksum').type = 'string'
  })
  t.strictSame(below, ['new spec.mirror: no rule reads it, and holdfast check calls it unknown'])
  t.strictSame(
    said('Replica', (schema) => (at(schema, 'spec.more').type = 'string')),
    [],
    'it is not judged',
  )
  t.end()
})

t.test('a value that no rule knows is new', (t) => {
  const engine = (values: string[]) =>
    said('BackingImage', (schema) => (at(schema, 'spec.dataEngine').enum = values))
  t.strictSame(engine(['v1', 'v2']), [])
  t.strictSame(engine(['v1', 'v2', 'v3']), ['new spec.dataEngine: no rule knows its value v3'])
  t.end()
})

t.test('other names, another scope, another version and a status without subresource are broken', (t) => {
  const { spec, ...rest } = rawDefinition('Node')
  const but = (parts: object) =>
    differencesOf(read({ ...rest, spec: { ...spec, ...parts } })).map(({ what, text }) => `${what}: ${text}`)
  t.strictSame(but({ names: { ...spec.names, plural: 'lhnodes' } }), [
    'broken: its plural is lhnodes, and the registration names nodes',
  ])
  t.strictSame(but({ names: { ...spec.names, shortNames: ['lhno'] } }), [
    'broken: kubectl knows it no longer as lhn',
  ])
  t.strictSame(but({ scope: 'Cluster' }), ['broken: its objects are in no namespace'])
  const [version] = spec.versions
  const unserved = ['broken: it does not serve version v1beta2, the only one that is read']
  t.strictSame(but({ versions: [{ ...version, served: false }] }), unserved)
  t.match(but({ versions: [{ ...version, name: 'v1' }] }), unserved)
  t.match(but({ versions: [{ ...version, subresources: {} }] }), [/its status is no subresource/])
  t.end()
})

t.test('other objects are no definition that is compared', (t) => {
  const { spec, ...rest } = rawDefinition('Node')
  const others = [
    null,
    'text',
    {},
    { ...rest, kind: 'ConfigMap', spec },
    { ...rest, spec: { ...spec, group: 'example.org' } },
    { ...rest, spec: { ...spec, names: { ...spec.names, kind: 'Volume' } } },
  ]
  for (const raw of others) t.equal(readDefinition(raw), undefined, JSON.stringify(raw))
  t.end()
})

t.test('a definition that is no valid one lacks everything, and is no error', (t) => {
  const { spec, ...rest } = rawDefinition('Setting')
  const odd = (openAPIV3Schema: unknown) => {
    const [version] = spec.versions
    const versions = [{ ...version, schema: { openAPIV3Schema } }]
    return differencesOf(read({ ...rest, spec: { ...spec, versions } })).map(({ path }) => path)
  }
  for (const schema of [null, [], 'text', { type: 1 }, { properties: [], patternProperties: 'x', enum: {} }])
    t.match(odd(schema), [''], JSON.stringify(schema))
  const none = { ...rest, spec: { ...spec, versions: 'none', names: { kind: 'Setting', shortNames: 1 } } }
  t.equal(differencesOf(read(none)).length, 3)
  t.end()
})

t.test('changes since an older release name each field that came, went or changed', (t) => {
  const before = read(
    rawDefinition('Node', (schema) => {
      at(schema, 'spec.old').type = 'string'
      at(schema, 'spec.disks.*.diskDriver').enum = ['', 'aio']
    }),
  )
  const after = read(
    rawDefinition('Node', (schema) => {
      at(schema, 'status.health').type = 'object'
      at(schema, 'status.health.temperature').type = 'integer'
      at(schema, 'spec.disks.*.diskDriver').enum = ['', 'aio', 'nvme']
    }),
  )
  t.strictSame(
    changesSince(before, after).map(({ path, text }) => `${path}: ${text}`),
    [
      'spec.disks.*.diskDriver: it was string (, aio) and is string (, aio, nvme), and Holdfast reads it',
      'spec.old: it is gone',
      'status.health: it is new (object)',
    ],
  )
  t.strictSame(changesSince(after, after), [])
  t.end()
})
