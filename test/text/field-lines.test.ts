import t from 'tap'
import { FieldLines } from '../../src/text/field-lines.ts'

const node = `# a node
kind: Node
metadata: {name: n1}
spec:
  tags: [a]
  disks:
    disk-1:
      path: /a
    disk.two/x:
      path: /b
      evictionRequested: true
  tags: [b]
`

t.test('a field is found on its line, and a missing one at the nearest field around it', (t) => {
  const lines = new FieldLines(node, 10)
  const found: [path: string, line: number | undefined][] = [
    ['kind', 11],
    ['metadata.name', 12],
    ['spec.disks', 15],
    ['spec.disks.disk-1.path', 17],
    ['spec.disks.disk-1.evictionRequested', 16],
    ['spec.disks.disk.two/x.evictionRequested', 20],
    ['spec.evictionRequested', 13],
    ['status', undefined],
  ]
  for (const [path, line] of found) t.equal(lines.lineOf(path), line, path)
  t.end()
})

t.test('the last of two equal fields is found, since it counts', (t) => {
  t.equal(new FieldLines(node, 1).lineOf('spec.tags'), 12)
  t.end()
})

t.test('fields of JSON and of items in lists are found', (t) => {
  const list =
    '{\n\t"kind": "List",\n\t"items": [\n\t\t{"kind": "A"},\n\t\t{"kind": "B",\n\t\t"spec": {"x": 1}}\n\t]\n}'
  const lines = new FieldLines(list, 1)
  t.equal(lines.lineOf('items[1].spec.x'), 6)
  t.equal(lines.lineOf('items[0].spec.x'), 4)
  t.equal(lines.lineOf('items[2].spec'), 3)
  t.equal(lines.lineOf('items'), 3)
  t.end()
})

t.test('an anchor is not followed: the field around it is named', (t) => {
  const text = 'a: &a {evictionRequested: true}\nspec:\n  disks:\n    d: *a\n'
  t.equal(new FieldLines(text, 1).lineOf('spec.disks.d.evictionRequested'), 4)
  t.end()
})

t.test('a text that is no document has no lines, and stops nothing', (t) => {
  for (const text of ['', '[', 'just text', '['.repeat(2_000), ': :'])
    t.equal(new FieldLines(text, 1).lineOf('spec'), undefined, text.slice(0, 10))
  t.end()
})
