import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { denied, heldBack, nodeManifest, repository } from './in-a-repository.ts'

const fine = nodeManifest('node-2', '  tags: [ssd]\n')
const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n'

t.test('the exit code is the same for every format', async (t) => {
  const { check } = repository(t)
  const inputs: [input: string, code: number][] = [
    [fine, 0],
    [heldBack, 1],
    [denied, 1],
    [`${heldBack}---\na: [\n`, 2],
    [`${fine}---\nkind: Node\n`, 2],
    [pod, 2],
    ['', 2],
  ]
  for (const [input, code] of inputs) {
    for (const format of ['text', 'json', 'yaml', 'junit', 'sarif', 'github'])
      t.equal((await check(['-', '-o', format], input)).code, code, `${format}: ${input}`)
  }
})

t.test('reports go to files, beside the printed text', async (t) => {
  const { root, check } = repository(t)
  const at = (name: string): string => join(root, name)
  const reports = ['--report', `sarif=${at('r.sarif')}`, '--report', `junit=${at('r=1.xml')}`]
  const { code, stdout } = await check(['-', ...reports], heldBack)
  t.equal(code, 1)
  t.match(stdout, /^held back/)
  t.match(JSON.parse(await readFile(at('r.sarif'), 'utf8')), { version: '2.1.0', runs: [{ tool: {} }] })
  t.match(await readFile(at('r=1.xml'), 'utf8'), '<testsuites tests="1" failures="1"')
})

t.test('a report says why the command could not run', async (t) => {
  const { root, check } = repository(t)
  const report = join(root, 'r.xml')
  const { code, stderr } = await check([join(root, 'gone.yaml'), '--report', `junit=${report}`])
  t.match({ code, stderr }, { code: 2, stderr: /gone\.yaml/ })
  t.match(
    await readFile(report, 'utf8'),
    /errors="1"[^]*<testcase classname="holdfast check" name="the run"><error message="cannot read [^"]*gone\.yaml/,
  )
})

t.test('a report that cannot be written is an error', async (t) => {
  const { root, check } = repository(t)
  const folder = await check(['-', '--report', `sarif=${root}`], fine)
  t.match(folder, { code: 2, stderr: /cannot write the report .*: / })
  for (const wrong of ['sarif', 'sarif=', 'html=r.html', 'toString=x'])
    t.match(await check(['-', '--report', wrong], fine), {
      code: 2,
      stderr: `--report ${wrong} needs a format (junit, github, sarif) and a file`,
    })
})

t.test(
  'a report that cannot be written leaves the verdict in the others, and each is printed once',
  async (t) => {
    const { root, check } = repository(t)
    const at = (name: string): string => join(root, name)
    const all = ['before.xml', '.', 'after.xml'].flatMap((name) => ['--report', `junit=${at(name)}`])
    const { code, stdout, stderr } = await check(['-', '-o', 'github', ...all], heldBack)
    t.match({ code, stderr }, { code: 2, stderr: /cannot write the report / })
    t.equal(stdout.match(/^::error /gm)?.length, 1, stdout)
    for (const name of ['before.xml', 'after.xml'])
      t.match(await readFile(at(name), 'utf8'), '<testsuites tests="1" failures="1"', name)
  },
)

t.test('of a run that fails, the reason is the error, also if a report cannot be written', async (t) => {
  const { root, check } = repository(t)
  const all = ['.', 'none/r.xml', 'after.xml'].flatMap((name) => ['--report', `junit=${join(root, name)}`])
  const { code, stderr } = await check([join(root, 'gone.yaml'), ...all])
  t.equal(code, 2)
  t.match(
    stderr,
    /cannot write the report [^]*cannot write the report .*none[^]*cannot read .*gone\.yaml.*\n$/,
  )
  t.match(await readFile(join(root, 'after.xml'), 'utf8'), 'name="the run"><error message="cannot read')
})

t.test('files can be named without -f, as a shell expands a pattern', async (t) => {
  const { write, check } = repository(t)
  const files = [await write('a.yaml', fine), await write('b.yaml', heldBack)]
  const { code, stdout } = await check(files)
  t.equal(code, 1)
  t.match(stdout, /^admitted .*a\.yaml[^]*held back .*b\.yaml/)
  t.match(await check(['nodes/node-1', 'nodes/node-2', '-p', '{}']), {
    code: 2,
    stderr: /--patch is for one object, not for nodes\/node-1 nodes\/node-2/,
  })
})

t.test(
  '--skip-others passes over documents that are no object of Kubernetes, and over nothing else',
  async (t) => {
    const { check } = repository(t)
    const codeOf = async (input: string): Promise<number | null> =>
      (await check(['-', '--skip-others'], input)).code
    const nothing = await check(['-', '--skip-others'], pod)
    t.match(nothing, { code: 0, stderr: /Nothing here is an object that the guard judges/ })
    for (const input of ['repos: []\n', '- a list\n', '', 'text']) t.equal(await codeOf(input), 0, input)
    for (const input of [heldBack, `repos: []\n---\n${heldBack}`]) t.equal(await codeOf(input), 1, input)
    for (const input of ['kind: [', 'kind: Node\n', 'apiVersion: longhorn.io/v1beta2\n'])
      t.equal(await codeOf(input), 2, input)
  },
)

t.test('a release can be named, since files of kubectl may lack it', async (t) => {
  const { check } = repository(t)
  const fixed = await check(['-', '--longhorn-release', 'v1.10.0'], heldBack)
  t.match(fixed, { code: 0, stdout: /^admitted/ })
  t.match(await check(['-', '--longhorn-release', 'soon'], heldBack), {
    code: 2,
    stderr: /--longhorn-release/,
  })
})
