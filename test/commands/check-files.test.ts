import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from './holdfast.ts'

const uuid = '00000001-aaaa-4bbb-8ccc-000000000001'

/** A node with two disks; a clean-up is pending on the first. */
const snapshot = `apiVersion: holdfast.dev/v1
kind: Snapshot
items:
  - apiVersion: longhorn.io/v1beta2
    kind: Node
    metadata: {name: node-1, namespace: longhorn-system}
    spec: &spec
      allowScheduling: true
      disks: {a: {path: /a, allowScheduling: true}, b: {path: /b, allowScheduling: true}}
    status: {diskStatus: {a: {diskUUID: ${uuid}}, b: {diskUUID: other}}}
  - apiVersion: longhorn.io/v1beta2
    kind: Node
    metadata: {name: node-2, namespace: longhorn-system}
    spec: {<<: *spec, evictionRequested: true}
  - apiVersion: longhorn.io/v1beta2
    kind: BackingImage
    metadata: {name: ubuntu, namespace: longhorn-system}
    spec: {diskFileSpecMap: {}, minNumberOfCopies: 1}
    status: {diskFileStatusMap: {${uuid}: {state: ready}}}
  - apiVersion: longhorn.io/v1beta2
    kind: Setting
    metadata: {name: current-longhorn-version, namespace: longhorn-system}
    value: v1.8.0
`

const nodeWith = (spec: string, name = 'node-1'): string =>
  `apiVersion: longhorn.io/v1beta2\nkind: Node\nmetadata: {name: ${name}}\nspec: ${spec}\n`

const eviction = nodeWith('{evictionRequested: true}')
const patch = '{"spec":{"evictionRequested":true}}'

/** A folder, and `check` against the snapshot in it. */
function checking(t: Test) {
  const folder = t.testdir({ 'snapshot.txt': snapshot })
  const against = ['--snapshot', join(folder, 'snapshot.txt')]
  const file = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), content)
    return join(folder, name)
  }
  const check = (...args: readonly string[]) => run(['check', ...against, ...args])
  const checkText = async (content: string | Buffer) => check('-f', await file('change.yaml', content))
  return { folder, against, file, check, checkText }
}

t.test('an eviction is seen however its flag is written', async (t) => {
  const { checkText } = checking(t)
  const disks = 'disks: {x: &x {path: /a, evictionRequested: true, allowScheduling: off}'
  const flags = {
    'a flag of YAML 1.1': nodeWith('{evictionRequested: on}'),
    'a merge key': nodeWith(`{${disks}, a: {<<: *x}}}`),
    'a merge key with a list': nodeWith(`{${disks}, a: {<<: [*x]}}}`),
    'JSON behind JSON':
      '{"apiVersion": "v1", "kind": "Other"}\n{"apiVersion":"longhorn.io/v1beta2","kind":"Node","metadata":{"name":"node-1"},"spec":{"evictionRequested":true}}',
    'a list': `apiVersion: v1\nkind: List\nitems:\n- {${eviction.trim().replaceAll('\n', ', ')}}\n`,
    'a list of nodes':
      'apiVersion: longhorn.io/v1beta2\nkind: NodeList\nitems: [{metadata: {name: node-1}, spec: {evictionRequested: Yes}}]',
    'UTF-16': Buffer.from(`\ufeff${eviction}`, 'utf16le'),
    'UTF-16, the other way round': Buffer.from(`\ufeff${eviction}`, 'utf16le').swap16(),
    'a byte order mark': `\ufeff${eviction}`,
    'lines of Windows': `---\r\n${eviction.replaceAll('\n', '\r\n')}---\r\n`,
  }
  for (const [what, content] of Object.entries(flags))
    t.match(await checkText(content), { code: 1, stdout: /held back .*Node node-1/ }, what)
})

t.test('a flag that is cleared in the words of YAML 1.1 is a cure', async (t) => {
  const { checkText } = checking(t)
  for (const word of ['no', 'off', 'False'])
    t.match(
      await checkText(nodeWith(`{evictionRequested: ${word}}`, 'node-2')),
      { code: 0, stdout: /^admitted/ },
      word,
    )
})

t.test('links to folders are not followed, and a broken file hides no verdict', async (t) => {
  const { folder, check, file } = checking(t)
  const d = join(folder, 'd')
  await mkdir(join(d, 'below'), { recursive: true })
  await file('d/good.yaml', eviction)
  await file('d/template.yaml', '{{- if .Values.x }}\nkind: Node\n{{- end }}\n')
  await file('d/below/other.yml', nodeWith('{tags: [a]}'))
  await file('outside.txt', nodeWith('{tags: [b]}'))
  await file('d/notes.txt', 'a: [')
  await symlink('.', join(d, 'loop'))
  await symlink('..', join(d, 'loop2'))
  await symlink('below', join(d, 'below.yaml'))
  await symlink('../outside.txt', join(d, 'linked.yaml'))
  await symlink('good.yaml', join(d, 'same.yaml'))
  await symlink('nowhere', join(d, 'broken.yaml'))
  const { code, stdout } = await check('-f', d, '-o', 'json')
  t.equal(code, 2)
  const results = JSON.parse(stdout) as { source: string; outcome: string; message?: string }[]
  t.strictSame(
    results.map(({ source, outcome }) => `${source.slice(d.length + 1)} ${outcome}`),
    [
      'below/other.yml:1 admitted',
      'broken.yaml unusable',
      'good.yaml:1 held',
      'linked.yaml:1 admitted',
      'template.yaml:1 unusable',
    ],
  )
  t.match(results[4]?.message, /has to be rendered first/)
})

t.test('options come in any order, and may be given several times', async (t) => {
  const { against, check, file } = checking(t)
  const held = { code: 1, stdout: /held back .*Node node-1/ }
  t.match(await check('nodes/node-1', '--patch', patch), held)
  t.match(await check('--as-group', 'a', 'nodes/node-1', '-p', patch), held)
  t.match(await run(['check', '--patch', patch, 'node.longhorn.io/node-1', ...against]), held)
  t.match(await check('--patch', patch, '--', 'nodes.v1beta2.longhorn.io/node-1'), held)
  const other = await file('other.yaml', nodeWith('{tags: [a]}', 'node-2'))
  const both = await check('-f', other, '-f', await file('one.yaml', eviction))
  t.match(both, { code: 1, stdout: /admitted .*node-2[^]*held back .*node-1/ })
})

t.test('an unknown target is an error', async (t) => {
  const { check, file } = checking(t)
  const change = await file('one.yaml', eviction)
  t.match(await check('-f', change, 'nodes/node-1'), {
    code: 2,
    stderr: /no file nodes\/node-1; for a change of that object give --patch/,
  })
  for (const target of ['nodes.v1/node-1', 'nodes.metrics.k8s.io/node-1', 'nodes/node-1/status', 'nodes'])
    t.match(await check(target, '--patch', patch), { code: 2, stderr: /needs an object/ }, target)
})

t.test('a field that Longhorn does not have is bad news, or a warning if that is wanted', async (t) => {
  const { check } = checking(t)
  const misspelt = '{"spec":{"evictionrequested":true}}'
  const warning = /Warning: unknown field "spec.evictionrequested"; did you mean "evictionRequested"\?/
  t.match(await check('nodes/node-1', '--patch', misspelt), { code: 1, stdout: warning })
  t.match(await check('nodes/node-1', '--patch', misspelt, '--strict'), { code: 1, stdout: warning })
  t.match(await check('nodes/node-1', '--patch', misspelt, '--no-strict'), { code: 0, stdout: warning })
  const operation = '[{"op":"add","path":"/spec/evict","value":true}]'
  const json = await check('nodes/node-1', '--type', 'json', '--patch', operation)
  t.match(json, { code: 1, stdout: /unknown field "spec.evict"/ })
})

t.test(
  'check reports what a patch misses: a name that is a key, nothing to change, the wrong type',
  async (t) => {
    const { check } = checking(t)
    const patched = async (target: string, patch: object, ...more: string[]) =>
      await check(target, ...more, '--patch', JSON.stringify(patch))
    const nothing = /Warning: the patch changes nothing: /
    t.match(await patched('nodes/node-1', { spec: {} }), { code: 0, stdout: nothing })
    t.match(await patched('nodes/node-1', { status: { x: 1 } }), { code: 0, stdout: nothing })
    const misspelt = { spec: { diskFileSpecMap: { 'uuid-disk-l': null } } }
    t.match((await patched('backingimages/ubuntu', misspelt)).stdout, nothing)
    const added = { spec: { diskFileSpecMap: { 'uuid-disk-l': {} } } }
    t.match(
      (await patched('backingimages/ubuntu', added)).stdout,
      /Warning: spec.diskFileSpecMap."uuid-disk-l": no node has a disk with this UUID/,
    )
    const disk = (its: object) => ({ spec: { disks: { 'disk-l': its } } })
    t.match(
      (await patched('nodes/node-1', disk({ evictionRequested: true }))).stdout,
      /Warning: spec.disks.disk-l is a new disk without a path; node-1 has a, b/,
    )
    t.notMatch((await patched('nodes/node-1', disk({ path: '/d' }))).stdout, /new disk/)
    t.match(await patched('nodes/node-1', []), { code: 2, stdout: /a list goes with --type json/ })
  },
)

t.test('a field that comes twice is bad news, in YAML, in JSON and in a patch', async (t) => {
  const { check, checkText } = checking(t)
  const warned = {
    code: 1,
    stdout: /^admitted [^]*Warning: duplicate field "spec\.tags"; the last one counts/,
  }
  const spec = '{"tags":["a"],"tags":["b"]}'
  t.match(await checkText(nodeWith(spec)), warned)
  t.match(
    await checkText(
      `{"apiVersion":"longhorn.io/v1beta2","kind":"Node","metadata":{"name":"node-1"},"spec":${spec}}`,
    ),
    warned,
  )
  t.match(await check('nodes/node-1', '--patch', `{"spec":${spec}}`), warned)
  t.match(await check('nodes/node-1', '--patch', `spec: ${spec}`), warned)
  t.match(await check('nodes/node-1', '--no-strict', '--patch', `{"spec":${spec}}`), { ...warned, code: 0 })
  const flag = '{"spec":{"evictionRequested":false,"evictionRequested":true}}'
  t.match(await check('nodes/node-1', '--patch', flag), { code: 1, stdout: /^held back [^]*duplicate field/ })
})

t.test('nodes alone are no cluster to judge against, where kubectl wrote them', async (t) => {
  const { file } = checking(t)
  const nodes = nodeWith('{disks: {a: {path: /a, allowScheduling: true}}}')
  const against = (path: string) => ['check', '--snapshot', path, 'nodes/node-1', '--patch', patch]
  t.match(await run(against(await file('nodes.txt', nodes))), {
    code: 2,
    stdout: '',
    stderr: /There is no backing image in .*nodes.txt, so copies cannot be judged/,
  })
  const all = snapshot
    .slice(snapshot.indexOf('items:'))
    .replace('items:', 'apiVersion: v1\nkind: List\nitems:')
  t.match(await run(against(await file('all.txt', all))), { code: 1, stdout: /eviction-during-cleanup/ })
  const none = 'apiVersion: holdfast.dev/v1\nkind: Snapshot\ntakenAt: 2026-11-30T00:00:00Z\nitems:\n'
  const taken = `${none}  - ${nodes.trimEnd().replaceAll('\n', '\n    ')}\n`
  t.match(await run(against(await file('taken.txt', taken))), { code: 0 }, 'a snapshot has all that there is')
})

t.test('a snapshot is judged as of its time', async (t) => {
  const { file } = checking(t)
  const node = (name: string, status: string) =>
    `  - {apiVersion: longhorn.io/v1beta2, kind: Node, metadata: {name: ${name}}, spec: {disks: {a: {path: /a}}}, status: ${status}}`
  const since = '2020-01-01T12:00:00Z'
  const down = `{conditions: [{type: Ready, status: "False", reason: ManagerPodDown, lastTransitionTime: "${since}"}], diskStatus: {a: {diskUUID: u1}}}`
  const up = '{diskStatus: {a: {diskUUID: u2, conditions: [{type: Ready, status: "True"}]}}}'
  const items = `items:
${node('node-1', down)}
${node('node-2', up)}
  - apiVersion: longhorn.io/v1beta2
    kind: BackingImage
    metadata: {name: ubuntu}
    spec: {minNumberOfCopies: 1, diskFileSpecMap: {u1: {}, u2: {}}}
    status: {diskFileStatusMap: {u1: {state: ready}, u2: {state: ready}}}
  - {apiVersion: longhorn.io/v1beta2, kind: Setting, metadata: {name: current-longhorn-version}, value: v1.10.0}
`
  const removal = ['nodes/node-1', '--patch', '{"spec":{"disks":{"a":null}}}']
  const check = async (head: string) =>
    await run(['check', '--snapshot', await file('taken.txt', `${head}\n${items}`), ...removal])
  const taken = (at: string) => check(`apiVersion: holdfast.dev/v1\nkind: Snapshot\ntakenAt: ${at}`)
  const stderr = /^holdfast: A node is down, [^\n]*\n$/
  t.match(await taken('2020-01-01T12:05:00Z'), { code: 1, stdout: /^refused /, stderr }, 'not lost yet')
  t.match(await taken('2020-01-01T12:11:00Z'), { code: 0, stdout: /^admitted [^]*11m/, stderr }, 'lost')
  const nobodySays = { code: 0, stdout: /^admitted /, stderr: /The files have no time/ }
  t.match(await check('apiVersion: v1\nkind: List'), nobodySays, 'as kubectl get writes it')
  t.match(await taken('soon'), { code: 2, stdout: /^$/, stderr: /takenAt is not a time/ })
})

t.test('the exit code is not 0 if nothing was judged', async (t) => {
  const { against, check, checkText, file, folder } = checking(t)
  const nothing = /Nothing here is an object that the guard judges/
  t.match(await checkText('apiVersion: v1\nkind: Secret\n'), { code: 2, stderr: nothing })
  t.match(await checkText('apiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n'), {
    code: 2,
    stderr: nothing,
  })
  t.match(await checkText('# nothing\n'), { code: 2, stdout: /it is empty/ })
  t.match(await checkText('a: 1\n'), { code: 2, stdout: /it has no kind/ })
  await mkdir(join(folder, 'empty'))
  t.match(await check('-f', join(folder, 'empty')), { code: 2, stdout: /it is empty/ })
  const other = await file('other.txt', 'apiVersion: v1\nkind: List\nitems: []\n')
  const elsewhere = await run(['check', '--snapshot', other, '-f', await file('one.yaml', eviction)])
  t.match(elsewhere, {
    code: 2,
    stdout: '',
    stderr: /no Longhorn node, and no setting of Longhorn, in .*other.txt/,
  })
  const half = await file('half.txt', `${snapshot}---\na: [\n`)
  t.match(await run(['check', '--snapshot', half, '-f', await file('one.yaml', eviction)]), {
    code: 2,
    stdout: '',
    stderr: /half.txt:\d+: /,
  })
  for (const bad of ['{spec: {}}', '[', 'a: *b'])
    t.match(await run(['check', ...against, 'nodes/node-1', '--patch', bad]), {
      code: 2,
      stderr: /neither JSON nor YAML/,
    })
})
