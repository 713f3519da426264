import fc from 'fast-check'
import t from 'tap'
import { copiesOf, copyOn } from '../../src/longhorn/copies.ts'
import { type Kind, kinds } from '../../src/longhorn/kinds.ts'
import { diskUUID, isEvicting } from '../../src/longhorn/node.ts'
import { cluster, parsed } from '../fixtures/cluster.ts'
import { disk, pending, planned, rawImage, rawNode, rawSource, ready, uuid } from '../fixtures/raw-objects.ts'
import { depth } from '../fixtures/thorough.ts'

const allKinds: readonly Kind[] = [
  'Node',
  'BackingImage',
  'BackingImageDataSource',
  'BackingImageManager',
  'Replica',
  'Setting',
]

/** The parser's error about an object; empty without one. */
function problem(kind: Kind, raw: unknown): string {
  const result = kinds[kind].parse(raw)
  return result.ok ? '' : result.problem
}

const metadata = { name: 'n' }

/** An object as it comes over the wire, where `__proto__` is a key like any other. */
function overTheWire(text: string): unknown {
  const value: unknown = JSON.parse(text)
  return value
}

t.test('an object without anything but metadata has the zero values of Go', (t) => {
  for (const nothing of [{}, { spec: null, status: null }, { spec: {}, status: {} }]) {
    const raw = { metadata: {}, ...nothing }
    t.match(parsed('Node', raw), {
      kind: 'Node',
      metadata: { name: '', namespace: '', uid: '', resourceVersion: '' },
      spec: { allowScheduling: false, evictionRequested: false, tags: [] },
      status: { ready: false, schedulable: false },
    })
    t.equal(parsed('Node', raw).spec.disks.size, 0)
    t.equal(parsed('Node', raw).status.diskStatus.size, 0)
    t.match(parsed('BackingImage', raw).spec, {
      minNumberOfCopies: 1,
      sourceType: '',
      dataEngine: 'v1',
      nodeSelector: [],
      diskSelector: [],
    })
    t.same(copiesOf(parsed('BackingImage', raw)), [])
    t.same(parsed('BackingImageDataSource', raw).spec, {
      nodeID: '',
      diskUUID: undefined,
      fileTransferred: false,
    })
    t.same(parsed('BackingImageManager', raw).spec, { diskUUID: '' })
    t.same(parsed('BackingImageManager', raw).status, { currentState: '' })
    t.same(parsed('Replica', raw).spec, { nodeID: '', diskID: '', backingImage: '', volumeSize: undefined })
    t.equal(parsed('Setting', raw).value, '')
  }
  t.end()
})

t.test('a map that is null is an empty one', (t) => {
  const node = parsed('Node', { metadata, spec: { disks: null, tags: null }, status: { diskStatus: null } })
  t.equal(node.spec.disks.size, 0)
  t.equal(node.status.diskStatus.size, 0)
  const maps = { spec: { diskFileSpecMap: null }, status: { diskFileStatusMap: null } }
  t.same(copiesOf(parsed('BackingImage', { metadata, ...maps })), [])
  t.end()
})

t.test('an entry that is {} or null is an entry of zero values', (t) => {
  for (const entry of [{}, null]) {
    const node = parsed('Node', {
      metadata,
      spec: { disks: { d: entry } },
      status: { diskStatus: { d: entry } },
    })
    t.same(node.spec.disks.get('d'), {
      path: '',
      diskType: '',
      allowScheduling: false,
      evictionRequested: false,
      tags: [],
    })
    t.same(node.status.diskStatus.get('d'), { diskUUID: undefined, ready: false, schedulable: false })
    const maps = {
      spec: { diskFileSpecMap: { u: entry } },
      status: { diskFileStatusMap: { u: entry, w: entry } },
    }
    t.same(copiesOf(parsed('BackingImage', { metadata, ...maps })), [
      { image: 'n', diskUUID: 'u', phase: 'present', state: '' },
      { image: 'n', diskUUID: 'w', phase: 'pending cleanup', state: '' },
    ])
  }
  t.end()
})

t.test('keys of maps are free strings', (t) => {
  const keys = ['__proto__', 'constructor', 'toString', '', 'a/b~c', 'a\nb', '\u2028', '\u001b[31m', '😀']
  const entries = (value: object) =>
    `{${keys.map((key) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join()}}`
  const node = parsed(
    'Node',
    overTheWire(
      `{"metadata": {}, "spec": {"disks": ${entries({ evictionRequested: true })}}, "status": {"diskStatus": ${entries({ diskUUID: 'u' })}}}`,
    ),
  )
  t.same([...node.spec.disks.keys()], keys)
  for (const key of keys) {
    t.ok(isEvicting(node, key), key)
    t.equal(diskUUID(node, key), 'u', key)
  }
  t.end()
})

t.test('the value under any key is checked', (t) => {
  for (const key of ['__proto__', 'a\nb', 'a\rb', '\u2028', 'a/b~c', '']) {
    const map = `{${JSON.stringify(key)}: {"conditions": 5}}`
    t.equal(
      problem('Node', overTheWire(`{"metadata": {}, "status": {"diskStatus": ${map}}}`)),
      `status.diskStatus.${key}.conditions must be array, but is 5`,
    )
  }
  t.end()
})

t.test('unknown fields are tolerated', (t) => {
  const more = { future: { field: [1] } }
  for (const kind of allKinds) {
    t.equal(
      problem(kind, { ...more, metadata: { ...more }, spec: { ...more }, status: { ...more } }),
      '',
      kind,
    )
  }
  t.equal(problem('Node', { metadata, spec: { disks: { d: more } } }), '')
  t.equal(problem('BackingImage', { metadata, status: { diskFileStatusMap: { u: more } } }), '')
  t.end()
})

t.test('an error names the field and the value of the wrong type', (t) => {
  const cases: readonly (readonly [Kind, unknown, string])[] = [
    ['Node', undefined, 'the object must be object, but is nothing'],
    ['Node', null, 'the object must be object, but is null'],
    ['Setting', [], 'the object must be object, but is a list'],
    ['Replica', 'x', 'the object must be object, but is "x"'],
    ['Node', {}, "the object must have required property 'metadata'"],
    ['Node', { metadata: { name: 1 } }, 'metadata.name must be string, but is 1'],
    ['Node', { metadata: { annotations: { a: 1 } } }, 'metadata.annotations.a must be string, but is 1'],
    [
      'Node',
      { metadata, spec: { evictionRequested: 'true' } },
      'spec.evictionRequested must be boolean, but is "true"',
    ],
    ['Node', { metadata, spec: { disks: [] } }, 'spec.disks must be object, but is a list'],
    [
      'Node',
      { metadata, spec: { disks: { 'd/1': { tags: {} } } } },
      'spec.disks.d/1.tags must be array, but is an object',
    ],
    [
      'BackingImage',
      { metadata, spec: { minNumberOfCopies: 1.5 } },
      'spec.minNumberOfCopies must be integer, but is 1.5',
    ],
    [
      'BackingImage',
      { metadata, status: { diskFileStatusMap: { u: 'x'.repeat(100) } } },
      `status.diskFileStatusMap.u must be object, but is "${'x'.repeat(59)}…`,
    ],
    [
      'BackingImageDataSource',
      { metadata, spec: { fileTransferred: 0 } },
      'spec.fileTransferred must be boolean, but is 0',
    ],
    [
      'BackingImageManager',
      { metadata, status: { currentState: true } },
      'status.currentState must be string, but is true',
    ],
    ['Setting', { metadata, value: 3 }, 'value must be string, but is 3'],
  ]
  for (const [kind, raw, says] of cases) t.equal(problem(kind, raw), says)
  t.end()
})

t.test('parsing never throws and always names its error, for any value', (t) => {
  const fields = [
    ...[
      'metadata',
      'spec',
      'status',
      'value',
      'name',
      'annotations',
      'deletionTimestamp',
      'evictionRequested',
    ],
    ...[
      'disks',
      'tags',
      'diskStatus',
      'conditions',
      'type',
      'diskUUID',
      'diskFileSpecMap',
      'diskFileStatusMap',
    ],
    ...['minNumberOfCopies', 'nodeSelector', 'scheduledReplica', 'backingImage', '__proto__', 'a\nb'],
  ]
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('json'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom(...fields), tie('json'), { maxKeys: 4 }),
    ),
  }))
  // Random JSON seldom gets past the first check; an object that is right but for one place gets everywhere.
  const right = [
    rawNode('n', [disk('d\n1'), disk('d2')], { metadata: { annotations: { a: 'b' } } }),
    rawImage('i', [ready('d1'), pending('d\n2')]),
    rawSource('i', 'd1', false),
  ]
  const spoilt = fc
    .tuple(fc.constantFrom(...right), fc.nat({ max: 60 }), json)
    .map(([raw, place, wrong]) => spoil(JSON.stringify(raw), place, wrong))
  fc.assert(
    fc.property(fc.constantFrom(...allKinds), fc.oneof(json, spoilt), (kind, raw) => {
      const result = kinds[kind].parse(raw)
      return result.ok ? result.value.kind === kind : result.problem.length > 10
    }),
    { numRuns: depth(200, 1_000) },
  )
  t.end()
})

/** The object with something wrong in one of its places. */
function spoil(json: string, place: number, wrong: unknown): unknown {
  let visited = 0
  const spoilt: unknown = JSON.parse(json, (_, value: unknown) => (visited++ === place ? wrong : value))
  return spoilt
}

t.test('the parser ignores the replicas and images scheduled on a disk, whatever their form', (t) => {
  const scheduled = { scheduledReplica: ['x'], scheduledBackingImage: { image: 'x' } }
  const raw = rawNode('n', [disk('d', { diskUUID: 'u' })])
  const diskStatus = { d: { diskUUID: 'u', ...scheduled } }
  t.equal(parsed('Node', { ...raw, status: { diskStatus } }).status.diskStatus.get('d')?.diskUUID, 'u')
  t.end()
})

t.test('an empty disk UUID is one that is not known yet', (t) => {
  const node = parsed('Node', rawNode('n', [disk('d', { diskUUID: '' })]))
  t.equal(node.status.diskStatus.get('d')?.diskUUID, undefined)
  t.equal(parsed('BackingImageDataSource', rawSource('i', undefined, false)).spec.diskUUID, undefined)
  t.equal(parsed('BackingImageDataSource', rawSource('i', 'd', false)).spec.diskUUID, uuid('d'))
  t.end()
})

t.test('a condition counts only when it is True', (t) => {
  const status = (value: string) => ({
    conditions: [
      { type: 'Other', status: 'True' },
      { type: 'Ready', status: value },
      { type: 'Schedulable', status: value },
    ],
  })
  for (const [value, expected] of [
    ['True', true],
    ['False', false],
    ['Unknown', false],
    ['', false],
  ] as const) {
    const node = parsed('Node', { metadata, status: { ...status(value), diskStatus: { d: status(value) } } })
    t.match(node.status, { ready: expected, schedulable: expected }, value)
    t.match(node.status.diskStatus.get('d'), { ready: expected, schedulable: expected }, value)
  }
  t.end()
})

t.test('fewer than one copy is not a minimum', (t) => {
  const minimum = (minNumberOfCopies: number) =>
    parsed('BackingImage', rawImage('i', [], { minNumberOfCopies })).spec.minNumberOfCopies
  t.same([-1, 0, 1, 3].map(minimum), [1, 1, 1, 3])
  t.end()
})

t.test('the copy on one disk is the one among all copies', (t) => {
  const of = cluster().image('i', [ready('d1'), planned('d2'), pending('d3')])
  const [image] = of.all('BackingImage')
  if (!image) throw new Error('there is no image')
  for (const copy of copiesOf(image)) t.strictSame(copyOn(image, copy.diskUUID), copy)
  t.equal(copiesOf(image).length, 3)
  t.equal(copyOn(image, uuid('d4')), undefined)
  t.end()
})
