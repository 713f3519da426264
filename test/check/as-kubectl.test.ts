import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { documentsIn } from '../../src/check/documents.ts'
import { decodedText } from '../../src/text/decoded-text.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { hangMs } from '../fixtures/limits.ts'
import { depth } from '../fixtures/thorough.ts'

/** What YAML 1.1, YAML 1.2 and Go read differently, and what looks like that. */
const scalars = [
  ...['yes', 'No', 'on', 'OFF', 'y', 'n', 'true', 'FALSE', 'yEs', '~', 'null', 'Null', 'nil', '""', '"yes"'],
  ...[
    "'off'",
    '"null"',
    '010',
    '08',
    '0o17',
    '0x1F',
    '0b11',
    '1_000',
    '+12',
    '-7',
    '0',
    '-0',
    '1e3',
    '1.',
    '.5',
  ],
  ...['-.5e-3', '1e999', '.inf', '.nan', '-.INF', '190:20:30', '2001-12-14', '2001-12-14t21:59:43.10-05:00'],
  ...['99999999999999999999', '0xFFFFFFFFFFFFFFFF', '9007199254740991', 'text', 'a b', '"a: b"', "'it''s'"],
  ...[
    '!!str 010',
    '!!int "7"',
    '!!int x',
    '!!float 5',
    '!!bool "on"',
    '!!null x',
    '!!binary aGk=',
    '!own no',
  ],
  ...['! "yes"', '=', '<<', '"\\u00e9\\n"', 'ü', '._5', '0_7', '1__0', '12e03', '0.0', '+.inf', 'TRue'],
]

/** No two of them become the same name in JSON: which of those counts, is chance in Go. */
const keys = [
  ...[
    'a',
    'b',
    'yes',
    'no',
    '010',
    '0x10',
    '1.5',
    '~',
    '"off"',
    '2001-12-14',
    '1e30',
    '.inf',
    '"<<"',
    '!!str 7',
  ],
  ...['0.00001', '123456789.5'],
]

type Tree =
  | { readonly scalar: string }
  | { readonly alias: string }
  | { readonly list: readonly Tree[]; readonly anchor: string }
  | { readonly map: readonly (readonly [string, Tree])[]; readonly anchor: string }

interface Field {
  readonly key: string
  readonly tree: Tree
  readonly isBlock: boolean
}

const names = fc.constantFrom('p', 'q')
const anchor = fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight: 1, arbitrary: names })

const { entry } = fc.letrec<{ tree: Tree; map: Tree; merged: Tree; entry: readonly [string, Tree] }>(
  (tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 5, arbitrary: fc.record({ scalar: fc.constantFrom(...scalars) }) },
      { weight: 1, arbitrary: fc.record({ alias: names }) },
      { weight: 1, arbitrary: fc.record({ list: fc.array(tie('tree'), { maxLength: 3 }), anchor }) },
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
      { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...keys), tie('tree')) },
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
  },
] as const satisfies readonly Field[]

/** A spec of which each field is written in one line or in a block. */
const spec = fc
  .tuple(
    fc.constantFrom<readonly Field[]>([], bases),
    fc.array(
      fc.tuple(entry, fc.boolean()).map(([[key, tree], isBlock]): Field => ({ key, tree, isBlock })),
      { minLength: 1, maxLength: 5 },
    ),
  )
  .map(([before, fields]) => [...before, ...fields])

const encodings = ['utf8', 'bom', 'utf16le', 'utf16be', 'crlf'] as const
const file = fc.record({
  spec,
  encoding: fc.oneof(
    { weight: 4, arbitrary: fc.constant('utf8' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...encodings) },
  ),
})

function inLine(tree: Tree): string {
  if ('scalar' in tree) return tree.scalar
  if ('alias' in tree) return `*${tree.alias}`
  const its = tree.anchor === '' ? '' : `&${tree.anchor} `
  if ('list' in tree) return `${its}[${tree.list.map(inLine).join(', ')}]`
  return `${its}{${tree.map.map(([key, value]) => `${key} : ${inLine(value)}`).join(', ')}}`
}

function inBlock(tree: Tree, indent: string): string {
  if (!('map' in tree) || tree.map.length === 0) return inLine(tree)
  const lines = tree.map.map(([key, value]) => `\n${indent}${key} : ${inBlock(value, `${indent}  `)}`)
  return `${tree.anchor === '' ? '' : `&${tree.anchor}`}${lines.join('')}`
}

function textOf(name: string, fields: readonly Field[]): string {
  const lines = fields.map(
    ({ key, tree, isBlock }) => `  ${key} : ${isBlock ? inBlock(tree, '    ') : inLine(tree)}\n`,
  )
  return `apiVersion: longhorn.io/v1beta2\nkind: Node\nmetadata: {name: ${name}}\nspec:\n${lines.join('')}`
}

function encoded(text: string, encoding: (typeof encodings)[number]): Buffer {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(text)
    case 'crlf':
      return Buffer.from(text.replaceAll('\n', '\r\n'))
    case 'bom':
      return Buffer.from(`\ufeff${text}`)
    case 'utf16le':
      return Buffer.from(`\ufeff${text}`, 'utf16le')
    case 'utf16be':
      return Buffer.from(`\ufeff${text}`, 'utf16le').swap16()
  }
}

/** What is read of each file, by the name of its object. What cannot be read is not in it. */
function readHere(content: Buffer, path: string): [string, unknown][] {
  return documentsIn(decodedText(content), path).flatMap((document): [string, unknown][] => {
    if ('problem' in document) return []
    const { metadata, spec } = document.object as { metadata: { name: string }; spec?: unknown }
    return [[metadata.name, spec]]
  })
}

t.test('files are read as kubectl reads them, of many documents', { skip }, async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const home = t.testdir()
  const folder = join(home, 'files')
  await mkdir(folder)
  await writeFile(join(home, 'config'), kubeconfig)
  const files = fc.sample(file, { numRuns: depth(400, 2_000), seed: 20_261_129 })
  const here = new Map<string, unknown>()
  for (const [index, { spec, encoding }] of files.entries()) {
    const path = join(folder, `${index}.yaml`)
    await writeFile(path, encoded(textOf(`n${index}`, spec), encoding))
    for (const [name, value] of readHere(await readFile(path), path)) here.set(name, value)
  }
  const args = ['create', '--dry-run=client', '--validate=false', '-o', 'json', '-f', folder]
  const env = { PATH: process.env.PATH ?? '', HOME: home, KUBECONFIG: join(home, 'config') }
  const told = await new Promise<string>((resolve) => {
    // It fails for each file that it cannot read, and tells of the others.
    execFile('kubectl', args, { env, timeout: hangMs, maxBuffer: 2 ** 28 }, (_, stdout) => resolve(stdout))
  })
  const there = new Map(readHere(Buffer.from(told), 'kubectl'))
  t.ok(there.size > files.length / 5, `${there.size} of ${files.length} are read`)
  t.ok(there.size < files.length, 'and some are not')
  for (const index of files.keys()) {
    const name = `n${index}`
    const [mine, its] = [here, there].map((read) =>
      read.has(name) ? JSON.stringify(sorted(read.get(name))) : 'unread',
    )
    if (mine !== its) t.equal(mine, its, textOf(name, files[index]?.spec ?? []))
  }
})

/** Go writes the names of an object in their order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, below]) => [key, sorted(below)]),
  )
}
