import fc from 'fast-check'

/** Texts that YAML 1.1, YAML 1.2 and Go read differently, and similar ones. */
const scalars = [
  ...'yes No on OFF y n true FALSE yEs TRue ~ null Null nil "" "yes" \'off\' "null" text \'it\'\'s\' = <<'.split(
    ' ',
  ),
  ...'010 08 0o17 0x1F 0b11 1_000 +12 -7 0 -0 1e3 1. .5 -.5e-3 1e999 ._5 0_7 1__0'.split(' '),
  ...'0777 -010 00 0x 0b 0b102 0xg 12e03 0.0 1E+2 0e0 -0.0 -.0 +.5 0.1e-400 1e400'.split(' '),
  ...'190:20:30 1:30 +1:30 190:20:30.15 0:0 60:60 1:2:3:4 2001-12-14 2001-12-14t21:59:43.10-05:00'.split(' '),
  ...'9007199254740991 9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809'.split(
    ' ',
  ),
  ...'18446744073709551615 18446744073709551616 0xFFFFFFFFFFFFFFFF 0x8000000000000000 1.7976931348623159e308'.split(
    ' ',
  ),
  ...'99999999999999999999 01777777777777777777777 123456789012345678901234567890.5'.split(' '),
  ...'-a :a a:b a#b a?b a? ü \'---\' "..." "\\t" "\\x41" "\\\'" "\\u00e9\\n"'.split(' '),
  ...[
    'a b',
    '"a: b"',
    '"a\tb"',
    "'a\tb'",
    'a\tb',
    '"a\\\n              b"',
    '! "yes"',
    '!!str 010',
    '!!int "7"',
  ],
  ...['!!float 5', '!!bool "on"', '!!binary aGk=', '!own no'],
]

/**
 * Texts that no JSON document can have, or that Go's decoder rejects. A document with one of them is not
 * read.
 */
const badScalars = ['.inf', '.nan', '-.INF', '+.inf', '"\\/"', '!!int x', '!!null x']
const scalar = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...scalars) },
  { weight: 1, arbitrary: fc.constantFrom(...badScalars) },
)

/** No two of them become the same name in JSON: which of those counts, is chance in Go. */
const keys = [
  ...'a b yes no 010 0x10 1.5 "off" 2001-12-14 1e30 .inf "<<" 0.00001 123456789.5 -1 1:30 0777'.split(' '),
  ...['9223372036854775807', '!!str 7'],
]
const badKeys = ['~', '9223372036854775808', '{a : b}', '[a]']
const key = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...keys) },
  { weight: 1, arbitrary: fc.constantFrom(...badKeys) },
)

type Tree =
  | { readonly scalar: string }
  /** A text of several lines: a literal, a folded one, or a plain one. In one line it is in quotes. */
  | { readonly lines: readonly string[]; readonly style: string }
  | { readonly alias: string }
  | { readonly list: readonly Tree[]; readonly anchor: string; readonly gaps?: readonly string[] }
  | { readonly map: readonly (readonly [string, Tree])[]; readonly anchor: string }

interface Field {
  readonly key: string
  readonly tree: Tree
  readonly isBlock: boolean
  /** Separators between key and value. */
  readonly colon: string
}

const names = fc.constantFrom('p', 'q')
const anchor = fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: names })

/** Separators behind the sign of an item. */
const gaps = fc.array(fc.constantFrom(' ', ' ', ' ', ' ', ' ', '  ', '\t', ' \t'), { maxLength: 3 })

/** Texts of several lines. */
const lines = fc.record({
  lines: fc.array(
    fc.constantFrom(
      'yes',
      'a b',
      '---',
      '...',
      '',
      '  more',
      '# no',
      'a: b',
      '- a',
      '\ttab',
      'end\t',
      '<<',
      "'",
    ),
    { minLength: 1, maxLength: 4 },
  ),
  style: fc.constantFrom('|', '>', '|-', '>-', '|+', '>+', '|2', ''),
})

const { entry } = fc.letrec<{ tree: Tree; map: Tree; merged: Tree; entry: readonly [string, Tree] }>(
  (tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 5, arbitrary: fc.record({ scalar }) },
      { weight: 1, arbitrary: fc.record({ alias: names }) },
      { weight: 1, arbitrary: lines },
      { weight: 1, arbitrary: fc.record({ list: fc.array(tie('tree'), { maxLength: 3 }), anchor, gaps }) },
      { weight: 3, arbitrary: tie('map') },
    ),
    map: fc.record({ map: fc.array(tie('entry'), { maxLength: 4 }), anchor }),
    merged: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 6, arbitrary: fc.record({ alias: names }) },
      {
        weight: 3,
        arbitrary: fc.record({
          list: fc.array(fc.oneof(fc.record({ alias: names }), tie('map')), { minLength: 1, maxLength: 3 }),
          anchor: fc.constant(''),
        }),
      },
      { weight: 1, arbitrary: tie('tree') },
    ),
    entry: fc.oneof(
      { weight: 4, arbitrary: fc.tuple(key, tie('tree')) },
      { weight: 1, arbitrary: fc.tuple(fc.constant('<<'), tie('merged')) },
    ),
  }),
)

/** For aliases that stand for objects. */
const bases = [
  {
    key: 'first',
    tree: {
      map: [
        ['a', { scalar: '1' }],
        ['b', { scalar: 'yes' }],
      ],
      anchor: 'p',
    },
    isBlock: false,
    colon: ' : ',
  },
  {
    key: 'second',
    tree: {
      map: [
        ['a', { scalar: '2' }],
        ['010', { scalar: '~' }],
      ],
      anchor: 'q',
    },
    isBlock: false,
    colon: ' : ',
  },
] as const satisfies readonly Field[]

/** A spec of which each field is written in one line or in a block. */
const spec = fc
  .tuple(
    fc.constantFrom<readonly Field[]>([], bases),
    fc.array(
      fc
        .tuple(entry, fc.boolean(), fc.constantFrom(' : ', ' : ', ': ', ':\t', ' :  '))
        .map(([[key, tree], isBlock, colon]): Field => ({ key, tree, isBlock, colon })),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([before, fields]) => [...before, ...fields])

const encodings = ['utf8', 'bom', 'utf16le', 'utf16be', 'crlf', 'cr', 'latin1'] as const

/** Texts before the first document, between two, and after the last. */
const heads = [
  '',
  '',
  '',
  '',
  '',
  '',
  '# first\n',
  '---\n',
  '\n\n---\n',
  '--- # here\n',
  '%YAML 1.1\n---\n',
  '---\n---\n',
  '{}\n---\n',
]
const joints = [
  '---\n',
  '---\n',
  '---\n',
  '---\n',
  '--- \n',
  '---\t\n',
  '--- # next\n',
  '...\n---\n',
  '\n---\n\n',
  '---\n\ufeff',
  '--- x\n',
  '...\n',
  '---\r\n',
  ' ---\n',
]
const tails = [
  '',
  '',
  '',
  '',
  '',
  '',
  '---\n',
  '...\n',
  '...\nrest: [\n',
  '# end',
  '--- # end',
  '\n\n',
  '\t\n',
]

/** Files that kubectl reads, and such that it does not. */
export const anyFile = fc.record({
  specs: fc.array(spec, { minLength: 1, maxLength: 3 }),
  /** Several objects are documents, or the items of a list. */
  isList: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  head: fc.constantFrom(...heads),
  joint: fc.constantFrom(...joints),
  tail: fc.constantFrom(...tails),
  encoding: fc.oneof(
    { weight: 4, arbitrary: fc.constant('utf8' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...encodings) },
  ),
})
/** How one of them is made. */
export type File = typeof anyFile extends fc.Arbitrary<infer T> ? T : never

function inLine(tree: Tree): string {
  if ('scalar' in tree) return tree.scalar
  if ('lines' in tree) return JSON.stringify(tree.lines.join('\n'))
  if ('alias' in tree) return `*${tree.alias}`
  const its = tree.anchor === '' ? '' : `&${tree.anchor} `
  if ('list' in tree) return `${its}[${tree.list.map(inLine).join(', ')}]`
  return `${its}{${tree.map.map(([key, value]) => `${key} : ${inLine(value)}`).join(', ')}}`
}

function inBlock(tree: Tree, indent: string): string {
  if ('lines' in tree) {
    const [first = '', ...rest] = tree.style === '' ? tree.lines : ['', ...tree.lines]
    return `${tree.style}${first}${rest.map((line) => `\n${line === '' ? '' : indent}${line}`).join('')}`
  }
  if ('list' in tree && tree.list.length > 0) {
    const { gaps = [] } = tree
    const items = tree.list.map((item, at) => `\n${indent}-${gaps[at] ?? ' '}${inBlock(item, `${indent}  `)}`)
    return `${tree.anchor === '' ? '' : `&${tree.anchor}`}${items.join('')}`
  }
  if (!('map' in tree) || tree.map.length === 0) return inLine(tree)
  const lines = tree.map.map(([key, value]) => `\n${indent}${key} : ${inBlock(value, `${indent}  `)}`)
  return `${tree.anchor === '' ? '' : `&${tree.anchor}`}${lines.join('')}`
}

function objectOf(name: string, fields: readonly Field[]): string {
  const lines = fields.map(
    ({ key, tree, isBlock, colon }) => `  ${key}${colon}${isBlock ? inBlock(tree, '    ') : inLine(tree)}\n`,
  )
  return `apiVersion: longhorn.io/v1beta2\nkind: Node\nmetadata: {name: ${name}}\nspec:\n${lines.join('')}`
}

/** The name of the object that has this place in a file. */
export function nameIn(file: number, place: number): string {
  return `n${file}-${place}`
}

/** The content of a file. @param index names its objects */
export function textOf(index: number, { specs, isList, head, joint, tail }: File): string {
  const objects = specs.map((fields, place) => objectOf(nameIn(index, place), fields))
  if (!isList) return head + objects.join(joint) + tail
  const items = objects.map((text) => `- ${text.trimEnd().replaceAll(/\n(?=.)/g, '\n  ')}\n`)
  return `${head}apiVersion: v1\nkind: List\nitems:\n${items.join('')}${tail}`
}

/** The bytes of a text. */
export function encoded(text: string, encoding: (typeof encodings)[number]): Buffer {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text)
    case 'crlf':
      return Buffer.from(text.replaceAll('\n', '\r\n'))
    case 'cr':
      return Buffer.from(text.replaceAll('\n', '\r'))
    case 'latin1':
      return Buffer.from(text, 'latin1')
    case 'bom':
      return Buffer.from(`\ufeff${text}`)
    case 'utf16le':
      return Buffer.from(`\ufeff${text}`, 'utf16le')
    case 'utf16be':
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
  }
}
