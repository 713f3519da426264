import t from 'tap'
import { readGoYaml } from '../../src/text/go-yaml.ts'
import { decodedText, UnreadableYaml } from '../../src/text/yaml.ts'

const valueOf = (text: string): unknown => readGoYaml(text).value

t.test('scalars without quotes are read by YAML 1.1, as Go reads it', (t) => {
  const values: readonly (readonly [string, unknown])[] = [
    ...['y', 'Y', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'true', 'True'].map((text) => [text, true] as const),
    ...['n', 'N', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'false'].map((text) => [text, false] as const),
    ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, null] as const),
    ...['yEs', 'oN', 'tRue', 'nULL', 'yes please', '-', '+', '.', '_1', '0x', '0o8', '0b2'].map(
      (text) => [text === '-' ? '"-"' : text, text] as const,
    ),
    ['010', 8],
    ['0o10', 8],
    ['0x1F', 31],
    ['0b101', 5],
    ['-0x10', -16],
    ['1_000', 1000],
    ['08', 8],
    ['+5', 5],
    ['1e3', 1000],
    ['1.', 1],
    ['.5', 0.5],
    ['-.5e1', -5],
    ['1e999', '1e999'],
    ['.5_0', '.5_0'],
    ['99999999999999999999', 1e20],
    // Base 60 and dates stay texts.
    ['190:20:30', '190:20:30'],
    ['2001-12-14', '2001-12-14'],
    ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00'],
  ]
  for (const [text, value] of values) t.strictSame(valueOf(`a: ${text}`), { a: value }, JSON.stringify(text))
  t.end()
})

t.test('such values are texts in quotes and in blocks', (t) => {
  t.strictSame(valueOf(`a: "yes"\nb: '010'\nc: |\n  no\nd: "null"\n`), {
    a: 'yes',
    b: '010',
    c: 'no\n',
    d: 'null',
  })
  t.end()
})

t.test('a tag says of which sort a value is, also in quotes', (t) => {
  const tagged =
    'a: !!str yes\nb: !!bool "on"\nc: !!int "010"\nd: !!float 5\ne: !!null ""\nf: ! "yes"\ng: !own yes\n'
  t.strictSame(valueOf(tagged), { a: 'yes', b: true, c: 8, d: 5, e: null, f: 'yes', g: 'yes' })
  t.strictSame(valueOf('a: !!timestamp 2001-12-14\nb: !!binary aGk=\n'), { a: '2001-12-14', b: 'hi' })
  for (const bad of [
    '!!int yes',
    '!!bool 1',
    '!!null x',
    '!!float x',
    '!!timestamp x',
    '!!int 1.5',
    '!!binary a',
  ])
    t.throws(() => valueOf(`a: ${bad}`), UnreadableYaml, bad)
  t.end()
})

t.test('a merge key adds the named keys, and later entries win', (t) => {
  const merged = (text: string): unknown =>
    (valueOf(`base: &b {x: 1, k: 1}\nother: &o {x: 2}\n${text}`) as { a: unknown }).a
  t.strictSame(merged('a:\n  <<: *b\n  k: 2\n'), { x: 1, k: 2 })
  t.strictSame(merged('a:\n  k: 2\n  <<: *b\n'), { k: 1, x: 1 }, 'Go’s decoder merges in passing')
  t.strictSame(merged('a:\n  <<: [*o, *b]\n'), { x: 2, k: 1 }, 'of several, the first counts')
  t.strictSame(merged('a:\n  <<: {z: 3}\n'), { z: 3 })
  t.strictSame(merged('a:\n  <<: [{z: 3}, *o]\n'), { z: 3, x: 2 })
  t.strictSame(merged('a: {!!merge "<<": *o}\n'), { x: 2 })
  t.strictSame(merged('a: {"<<": *o}\n'), { '<<': { x: 2 } }, 'in quotes it is a key like any other')
  for (const bad of ['~', '1', '[1]', '[~]', '&t text'])
    t.throws(() => merged(`a:\n  <<: ${bad}\n`), UnreadableYaml, bad)
  t.throws(() => merged('s: &s [1]\na:\n  <<: *s\n'), UnreadableYaml)
  t.end()
})

t.test('keys become texts, and an impossible key is an error', (t) => {
  t.strictSame(
    valueOf('yes: a\n010: b\n1.5: c\n1e30: d\n.inf: e\n2001-01-01: f\n"no": g\n0.00001: h\n.nan: i\n'),
    {
      ...{
        true: 'a',
        8: 'b',
        1.5: 'c',
        '1e+30': 'd',
        '.inf': 'e',
        '2001-01-01': 'f',
        no: 'g',
        '1e-05': 'h',
        '.nan': 'i',
      },
    },
  )
  t.strictSame(valueOf('k: &k name\n*k : 1\n'), { k: 'name', name: 1 })
  t.strictSame(valueOf('__proto__: 1\n'), Object.fromEntries([['__proto__', 1]]))
  for (const bad of ['~: 1', '[a]: 1', '{a: b}: 1', '? |\n  x\n: 1\n~: 1', '18446744073709551615: 1'])
    t.throws(() => valueOf(bad), UnreadableYaml, bad)
  t.end()
})

t.test('the last of duplicate keys counts, and the key is reported', (t) => {
  t.match(readGoYaml('a: {x: 1, x: 2}\nb: 1\n'), { value: { a: { x: 2 } }, twice: ['a.x'] })
  t.strictSame(readGoYaml('l: [{k: 1}, {k: 1, k: 2}]\nl: 1\n').twice, ['l[1].k', 'l'])
  t.end()
})

t.test('only the first document is read, as kubectl does', (t) => {
  t.strictSame(valueOf('# nothing\n'), null)
  t.strictSame(valueOf(''), null)
  t.strictSame(valueOf('a: 1\n...\nb: [\n'), { a: 1 })
  t.strictSame(readGoYaml('\n\n# here\na: 1\n').line, 4)
  t.end()
})

t.test('YAML that kubectl rejects is an error with its line', (t) => {
  const deep = `${'['.repeat(600)}${']'.repeat(600)}`
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'
    .split('')
    .map(
      (name, index) =>
        `${name}: &${name} [${Array(9)
          .fill(`*${'abcdefg'.charAt(index)}`)
          .join()}]`,
    )
    .join('\n')}\n`
  const cases: readonly (readonly [string, RegExp])[] = [
    ['a: 1\nb: .inf\n', /^line 2: .*infinite/],
    ['a: *b\n', /^line 1: .*no anchor/],
    ['a: &a [*a]\n', /inside of its own anchor/],
    [`a: ${deep}\n`, /nested too deep/],
    // Deeper text would make the library end the process.
    [`a: ${'['.repeat(50_000)}`, /nested too deep/],
    ['{"a":'.repeat(20_000), /nested too deep/],
    ['- '.repeat(20_000), /nested too deep/],
    [bomb, /expand to too much/],
    ['a: 1\nb: "\u0001"\n', /^line 2: .*U\+0001/],
    ['a: 1 # \u2028b: 2\n', /U\+2028/],
    ['\u0000a', /UTF-16 has to begin with a byte order mark/],
    ['a: [\n', /^line \d+: /],
  ]
  for (const [text, message] of cases) t.throws(() => valueOf(text), { message }, message.source)
  t.end()
})

t.test('a carriage return ends a line', (t) => {
  t.strictSame(valueOf('a: 1\r\nb: 2\rc: 3'), { a: 1, b: 2, c: 3 })
  t.end()
})

t.test('a file is decoded by its byte order mark', (t) => {
  const text = 'kind: Node # ü\n'
  const little = Buffer.from(text, 'utf16le')
  t.equal(decodedText(Buffer.from(text)), text)
  t.equal(decodedText(Buffer.from(`\ufeff${text}`)), text)
  t.equal(decodedText(Buffer.concat([Buffer.from([0xff, 0xfe]), little])), text)
  t.equal(decodedText(Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(little).swap16()])), text)
  t.equal(decodedText(Buffer.from([])), '')
  t.end()
})

t.test('YAML that only Go’s scanner rejects is rejected, and YAML that only it accepts is read', (t) => {
  const refused = [
    ...[
      'a: 1\n\t\nb: 2\n',
      'a: 1\n  \t# x\n',
      'a:\n\tb\n',
      '-\tx\n',
      '- \tx\n',
      'a: "\\/"\n',
      '{a: b?}\n',
      '[:a]\n',
    ],
    ...['a: |\n  \tb\n', 'a: |\n  b\n \tc\n', '%YAML 1.1\n'],
  ]
  for (const text of refused) t.throws(() => valueOf(text), UnreadableYaml, JSON.stringify(text))
  const read: readonly (readonly [string, unknown])[] = [
    ['a:\t1\t# x\n', { a: 1 }],
    ['a: [1,\n \t2]\n', { a: [1, 2] }],
    ['a: "b\n \tc"\n', { a: 'b c' }],
    ['a: |\n  b\tc\n  \td\n', { a: 'b\tc\n\td\n' }],
    ['a: |2\n  \tb\n', { a: '\tb\n' }],
    ['a: "it\\\'s \\\\/"\n', { a: "it's \\/" }],
    ['a: b?\nc: ?d\n', { a: 'b?', c: '?d' }],
    ['a: 1\n...\n\t\n"\\/"', { a: 1 }],
  ]
  for (const [text, value] of read) t.strictSame(valueOf(text), value, JSON.stringify(text))
  t.end()
})
