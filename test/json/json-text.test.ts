import fc from 'fast-check'
import t from 'tap'
import { depthOf, duplicateFields, membersOf, withFirst, withMember } from '../../src/json/text.ts'
import { anyJson, anyObject, space } from '../fixtures/any-json.ts'
import { depth } from '../fixtures/thorough.ts'

const runs = { numRuns: depth(1_000, 100_000) }

t.test('the members of an object are those that JavaScript reads, in their own digits', (t) => {
  fc.assert(
    fc.property(anyObject, (text) => {
      const members = membersOf(text) ?? []
      const read = Object.fromEntries(members.map(({ name, value }) => [name, JSON.parse(value) as unknown]))
      return same(read, JSON.parse(text)) && members.every(({ at, value }) => text.startsWith(value, at))
    }),
    runs,
  )
  t.equal(membersOf(' [1]'), undefined)
  t.equal(membersOf('12'), undefined)
  t.end()
})

t.test('setting a member changes nothing else, byte by byte', (t) => {
  fc.assert(
    fc.property(anyObject, anyJson, (text, value) => {
      const changed = withMember(text, 'metadata', value)
      const before = JSON.parse(text) as Record<string, unknown>
      if (!same(JSON.parse(changed), { ...before, metadata: JSON.parse(value) as unknown })) return false
      const last = membersOf(changed)?.findLast(({ name }) => name === 'metadata')
      if (last?.value !== value) return false
      // Taken out again, it is the text that it was.
      const old = membersOf(text)?.findLast(({ name }) => name === 'metadata')
      const rest = changed.slice(0, last.at) + (old?.value ?? '') + changed.slice(last.at + value.length)
      return old ? rest === text : rest.replace(/,?"metadata":(?=[ \t\r\n]*\}$)/, '') === text
    }),
    runs,
  )
  t.end()
})

t.test('an element comes before all others, which keep their bytes', (t) => {
  fc.assert(
    fc.property(fc.array(anyJson, { maxLength: 3 }), space, anyJson, (elements, gap, first) => {
      const text = `${gap}[${gap}${elements.join(`${gap},`)}${gap}]`
      const changed = withFirst(text, first)
      const read = [JSON.parse(first) as unknown, ...(JSON.parse(text) as unknown[])]
      return same(JSON.parse(changed), read) && changed.endsWith(text.slice(gap.length + 1))
    }),
    runs,
  )
  t.end()
})

t.test('depth costs no stack', (t) => {
  const deep = `${'{"a":['.repeat(100_000)}9007199254740993${']}'.repeat(100_000)}`
  t.ok(withMember(deep, 'b', '1') === `${deep.slice(0, -1)},"b":1}`)
  t.end()
})

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

/** Members of the top level by name: to set one of several that are called the same may move it. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

t.test('a duplicate field of an object is reported once, with its path', (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":1,"a":2}', ['a']],
    ['{"spec":{"tags":[],"x":{},"tags":["a"]}}', ['spec.tags']],
    ['{"items":[{"k":1},{"k":1 , "k" :[{"k":2,"k":3}]}]}', ['items[1].k', 'items[1].k[0].k']],
    ['[{"op":"add","op":"test"}]', ['[0].op']],
    ['{"a":"\\"b\\":1,","b":"{","b":1}', ['b']],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"":1,"":2}', ['']],
    ['"a"', []],
    ['{"a":["a","a",{"b":["b"],"c":"b"},"b"]}', []],
  ]
  for (const [text, fields] of cases) t.strictSame(duplicateFields(text), fields, text)
  t.equal(depthOf('{"a":[{"b":"[{"}],"c":[]}'), 3)
  const deep = 100_000
  t.equal(depthOf(`${'['.repeat(deep)}${']'.repeat(deep)}`), deep)
  t.strictSame(duplicateFields(`${'['.repeat(deep)}${']'.repeat(deep)}`), [], 'however deep')
  t.end()
})

t.test('an object has the fields that the text has, with duplicates merged', (t) => {
  fc.assert(
    fc.property(anyObject, (text) => {
      const names = (membersOf(text) ?? []).map(({ name }) => name)
      const twice = names.filter((name, index) => names.indexOf(name) < index)
      const found = duplicateFields(text)
      return (
        twice.every((name) => found.includes(name)) &&
        (twice.length > 0 || found.every((path) => /[.[]/.test(path)))
      )
    }),
    runs,
  )
  t.end()
})
