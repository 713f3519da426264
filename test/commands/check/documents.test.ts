import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { documentsIn } from '../../../src/commands/check/documents.ts'
import { readDocuments } from '../../../src/commands/check/read-cluster.ts'

const longhorn = { apiVersion: 'longhorn.io/v1beta2' }

t.test('files: several documents, lists, and where each is', (t) => {
  const text = `# a comment
---
kind: Node
metadata: {name: n1}
---
apiVersion: longhorn.io/v1beta2
kind: NodeList
items:
  - metadata: {name: n2}
---
kind: List
items: [{kind: Node, metadata: {name: n3}}]
`
  t.match(documentsIn(text, 'a.yaml'), [
    { source: 'a.yaml:3', object: { kind: 'Node', metadata: { name: 'n1' } } },
    { source: 'a.yaml:6 items[0]', object: { ...longhorn, kind: 'Node', metadata: { name: 'n2' } } },
    { source: /a.yaml:11 items\[0\]/, object: { metadata: { name: 'n3' } } },
  ])
  t.strictSame(documentsIn('', 'empty.yaml'), [])
  t.match(documentsIn('{"kind": "Node"}', 'a.json'), [{ source: 'a.json:1' }])
  for (const bad of ['a: [', '*nowhere', 'just text', 'kind: List\nitems: [1]', 'kind: List\nitems: 1'])
    t.match(documentsIn(bad, 'bad.yaml'), [{ problem: /./ }], bad)
  t.end()
})

t.test('a document that cannot be read hides none of the others', (t) => {
  t.match(documentsIn('kind: A\n---\na: [\n---\nkind: B\n--- what\nkind: C\n', 'a.yaml'), [
    { source: 'a.yaml:1', object: { kind: 'A' } },
    { source: /^a.yaml:/, problem: /not closed|missing/ },
    { source: 'a.yaml:5', object: { kind: 'B' } },
    { source: 'a.yaml:6', problem: /begins with ---/ },
    { source: 'a.yaml:7', object: { kind: 'C' } },
  ])
  t.end()
})

t.test('objects of JSON follow each other, and YAML may follow the first', (t) => {
  t.match(documentsIn('{"kind":"A"}\n{"kind":"B"} {"kind":"C"}', 'a.json'), [
    { source: 'a.json:1', object: { kind: 'A' } },
    { source: 'a.json:2', object: { kind: 'B' } },
    { source: 'a.json:2', object: { kind: 'C' } },
  ])
  t.match(
    documentsIn('{"kind":"A"}{"kind":"B"}{"kind":"C"}', 'a.json'),
    [{ object: { kind: 'A' } }, { object: { kind: 'B' } }, { object: { kind: 'C' } }],
    'with nothing between them, as some programs write them',
  )
  t.match(documentsIn('{"kind":"A"}\n---\nkind: B\n', 'a.yaml'), [
    { object: { kind: 'A' } },
    { source: 'a.yaml:3', object: { kind: 'B' } },
  ])
  t.match(documentsIn('{kind: A}\n', 'a.yaml'), [{ object: { kind: 'A' } }])
  t.match(documentsIn('{"kind":"A"}\n{"kind":"B"}\nkind: C\n', 'a.json'), [
    { object: { kind: 'A' } },
    { object: { kind: 'B' } },
    { source: 'a.json:3', problem: /not JSON/ },
  ])
  t.end()
})

t.test('only the items of a typed list get their kind from the list', (t) => {
  const list = (kind: string, item: string) =>
    `apiVersion: longhorn.io/v1beta2\nkind: ${kind}\nitems: [${item}]\n`
  t.match(documentsIn(list('NodeList', '{}'), 'a'), [{ object: { ...longhorn, kind: 'Node' } }])
  for (const [kind, item] of [
    ['List', '{}'],
    ['NodeList', '{kind: Other}'],
  ] as const)
    t.notMatch(documentsIn(list(kind, item), 'a'), [{ object: longhorn }], `${kind} ${item}`)
  t.match(documentsIn('kind: List\nitems: null', 'a'), [])
  t.match(documentsIn('kind: Own\nitems: [{kind: A}, 1]', 'a'), [
    { object: { kind: 'A' } },
    { problem: /object/ },
  ])
  t.end()
})

t.test('a duplicate field is reported for JSON and YAML, and for the item that has it', (t) => {
  const node = (spec: string) => `{"kind":"Node","metadata":{"name":"n"},"spec":${spec}}`
  const twice = '{"tags":["a"],"tags":["b"]}'
  for (const text of [node(twice), `# YAML\n${node(twice)}`])
    t.match(documentsIn(text, 'a'), [{ object: { spec: { tags: ['b'] } }, twice: ['spec.tags'] }], text)
  for (const begin of ['', '# YAML\n'])
    t.match(documentsIn(`${begin}{"kind":"List","items":[${node('{}')},${node(twice)}]}`, 'a'), [
      { twice: [] },
      { twice: ['spec.tags'] },
    ])
  t.match(documentsIn(`{"kind":"A","kind":"List","items":[${node('{}')}]}`, 'a'), [{ twice: ['kind'] }])
  t.end()
})

t.test('a document of a snapshot knows when the snapshot was taken', (t) => {
  const snapshot = (takenAt: string) =>
    `apiVersion: holdfast.dev/v1\nkind: Snapshot\ntakenAt: ${takenAt}\nitems: [{kind: Node}]\n`
  t.match(documentsIn(snapshot('2026-11-23T18:00:00.5Z'), 'a'), [
    { takenAt: Date.parse('2026-11-23T18:00:00.5Z') },
  ])
  t.match(documentsIn(snapshot('"2026-11-23T18:00:00+02:00"'), 'a'), [
    { takenAt: Date.parse('2026-11-23T16:00:00Z') },
  ])
  for (const bad of ['yesterday', '2026', '5', '2026-13-40T00:00:00Z'])
    t.match(documentsIn(snapshot(bad), 'a'), [{ problem: /takenAt is not a time/ }], bad)
  t.notOk('takenAt' in (documentsIn('kind: List\ntakenAt: x\nitems: [{kind: A}]', 'a')[0] ?? {}))
  t.end()
})

t.test('the last line of a document ends where another follows, as at the end of a file', (t) => {
  const text = 'kind: A\ntext: |+\n  a\n\n---\nkind: B\ntext: |+\n  a\n\n'
  t.match(documentsIn(text, 'a'), [{ object: { text: 'a\n\n' } }, { object: { text: 'a\n\n' } }])
  t.end()
})

t.test('a snapshot of another version is not read as this one', (t) => {
  const of = (version: string) =>
    `apiVersion: ${version}\nkind: Snapshot\nitems: [{apiVersion: v1, kind: A}]\n`
  for (const version of ['holdfast.dev/v2', 'holdfast.dev/v1beta1', 'holdfast.dev'])
    t.match(documentsIn(of(version), 'a'), [
      { problem: /it is a Snapshot of .*, and this holdfast reads holdfast\.dev\/v1\./ },
    ])
  t.match(documentsIn(of('snapshot.storage.k8s.io/v1'), 'a'), [{ object: { kind: 'A' } }], 'somebody else’s')
  t.end()
})

t.test('as many documents are read as there are', async (t) => {
  // More than one call of a function takes as arguments.
  const file = join(
    t.testdir({ 'list.json': JSON.stringify({ kind: 'List', items: Array(150_000).fill({}) }) }),
    'list.json',
  )
  t.equal((await readDocuments([file], () => Readable.from([]))).length, 150_000)
  const typed = await readDocuments(['-'], () => createReadStream(file))
  t.equal(typed.length, 150_000)
})
