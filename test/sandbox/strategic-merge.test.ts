import t from 'tap'
import { strategicMerge } from '../../src/sandbox/api-server/writes/strategic-merge.ts'

t.test('a strategic merge patch merges lists by name, and replaces others', (t) => {
  const cases: readonly (readonly [string, unknown, unknown, unknown])[] = [
    ['fields', { a: 1, b: { c: 2, d: 3 } }, { a: null, b: { c: 4 } }, { b: { c: 4, d: 3 } }],
    [
      'elements of one name',
      { env: [{ name: 'A', value: '1' }, { name: 'B' }] },
      { env: [{ name: 'C' }, { name: 'A', value: '2' }] },
      { env: [{ name: 'A', value: '2' }, { name: 'B' }, { name: 'C' }] },
    ],
    [
      'elements that go',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      {
        '$setElementOrder/containers': [{ name: 'b' }],
        containers: [
          { name: 'a', $patch: 'delete' },
          { name: 'x', $patch: 'delete' },
        ],
      },
      { containers: [{ name: 'b' }] },
    ],
    [
      'a list that is replaced',
      { env: [{ name: 'A' }] },
      { env: [{ name: 'B' }, { $patch: 'replace' }] },
      { env: [{ name: 'B' }] },
    ],
    ['a list of plain values', { args: ['a'] }, { args: ['b', 'c'] }, { args: ['b', 'c'] }],
    ['a list that is new', {}, { env: [{ name: 'A' }] }, { env: [{ name: 'A' }] }],
    ['an object that is replaced', { s: { a: 1 } }, { s: { $patch: 'replace', b: 2 } }, { s: { b: 2 } }],
    ['an object that goes', { s: { a: 1 }, r: 1 }, { s: { $patch: 'delete' } }, { r: 1 }],
    [
      'fields that are retained',
      { s: { a: 1, b: 1 } },
      { s: { $retainKeys: ['b', 'c'], c: 2 } },
      { s: { b: 1, c: 2 } },
    ],
  ]
  for (const [what, target, patch, outcome] of cases)
    t.strictSame(strategicMerge(target, patch), outcome, what)
  t.end()
})
