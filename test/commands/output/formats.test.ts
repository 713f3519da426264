import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { record } from '../../observability/records.ts'
import { guarded } from '../guarded-cluster.ts'
import { linesOf, run, start } from '../holdfast.ts'

t.test('status takes the formats of kubectl get', async (t) => {
  const { kubeconfig } = await guarded(t)
  const status = async (...more: string[]) => await run(['status', '--kubeconfig', kubeconfig, ...more])
  t.equal(
    (await status('-o', 'name')).stdout,
    'node.longhorn.io/node-1\nnode.longhorn.io/node-2\nnode.longhorn.io/node-3\n',
  )
  t.equal((await status('-o', 'name', 'node-2')).stdout, 'node.longhorn.io/node-2\n')
  const ready = '{range .nodes[?(@.state=="ok")]}{.name}{"\\t"}{.disks[*].name}{"\\n"}{end}'
  t.match((await status('-o', `jsonpath=${ready}`)).stdout, 'node-1\tdisk-1 disk-2\n')
  t.equal((await status('-o', 'jsonpath-as-json={.kind}')).stdout, '[\n    "Status"\n]\n')
  const columns = 'custom-columns=NODE:.name,STATE:.state'
  t.match((await status('-o', columns)).stdout, /^NODE {5}STATE\nnode-1 {3}ok\nnode-2 {3}ok\n/)
  t.match((await status('-o', columns, '--no-headers')).stdout, /^node-1 {3}ok\nnode-2 {3}ok\n/)
  const folder = dirname(kubeconfig)
  const files = { path: '{.kind}', columns: 'NODE STATE\n{.name} .state\n', odd: 'A B\n.a\n' }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  t.equal((await status('-o', `jsonpath-file=${join(folder, 'path')}`)).stdout, 'Status')
  t.match(
    (await status('-o', `custom-columns-file=${join(folder, 'columns')}`)).stdout,
    /^NODE {5}STATE\nnode-1 {3}ok\n/,
  )
  t.match(await status('-o', `custom-columns-file=${join(folder, 'odd')}`), {
    code: 2,
    stderr: /number of headers \(2\)/,
  })
})

t.test('tables go without headings, and without the lines before them', async (t) => {
  const { kubeconfig } = await guarded(t)
  const { stdout } = await run(['status', '--kubeconfig', kubeconfig, '--no-headers'])
  t.match(stdout, /^node-1 +- +open .* ok\nnode-2 .*\nnode-3 .*\n$/)
  const file = join(t.testdir(), 'audit.log')
  await writeFile(file, `${JSON.stringify(record())}\n`)
  t.match((await run(['audit', file, '--no-headers'])).stdout, /^2026-\S+ +hold +1 +ann .*\n$/)
})

t.test('a wrong format or template is an error that names the right ones', async (t) => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['jsn', /Allowed choices are wide, json, yaml, name, jsonpath=, .*custom-columns-file=\./],
    ['jsonpath', /It needs a template: jsonpath=TEMPLATE\./],
    ['jsonpath=', /It needs a template/],
    ['jsonpath={.nodes', /unclosed action/],
    ['custom-columns=NODE', /expected <header>:<json-path-expr>/],
    ['custom-columns=NODE:{.a}{.b}', /unexpected path string/],
    ['jsonpath-file=/missing/file', /Cannot read \/missing\/file: it does not exist/],
  ]
  for (const [format, problem] of cases) {
    const { code, stderr } = await run(['status', '-o', format])
    t.equal(code, 2, format)
    t.match(stderr.replaceAll(/\s+/g, ' '), problem, format)
  }
  const file = join(t.testdir(), 'audit.log')
  await writeFile(file, `${JSON.stringify(record())}\n`)
  t.match(await run(['audit', file, '-o', 'jsonpath={[3]}']), {
    code: 2,
    stderr: /the template does not fit the document: array index out of bounds: index 3, length 1/,
  })
})

t.test('audit takes the formats of kubectl get, and with --follow for each record', async (t) => {
  const file = join(t.testdir(), 'audit.log')
  const records = [
    record({ uid: 'a' }),
    record({ uid: 'b', verdict: 'refuse', object: { kind: 'BackingImage', name: 'i' } }),
  ]
  await writeFile(file, records.map((each) => `${JSON.stringify(each)}\n`).join(''))
  const audit = async (...more: string[]) => (await run(['audit', file, ...more])).stdout
  t.equal(await audit('-o', 'name'), 'node.longhorn.io/n1\nbackingimage.longhorn.io/i\n')
  t.equal(await audit('-o', 'jsonpath={range [?(@.verdict=="refuse")]}{.uid}{"\\n"}{end}'), 'b\n')
  t.equal(
    await audit('-o', 'custom-columns=WHO:.actor.user,WHAT:.object.name'),
    'WHO   WHAT\nann   n1\nann   i\n',
  )
  const following = start(['audit', file, '--follow', '-o', 'custom-columns=UID:.uid'])
  t.teardown(following.end)
  const until = linesOf(following)
  t.strictSame([await until(/./), await until(/./), await until(/./)], ['UID', 'a', 'b'])
})

t.test('plan takes the formats of kubectl get', async (t) => {
  const { kubeconfig } = await guarded(t)
  const plan = async (...more: string[]) =>
    (await run(['plan', 'node-1', 'node-2', '--batch-size', '1', '--kubeconfig', kubeconfig, ...more])).stdout
  t.equal(await plan('-o', 'name'), 'node.longhorn.io/node-1\nnode.longhorn.io/node-2\n')
  t.equal(await plan('-o', 'jsonpath={.batches[*].nodes[0]}'), 'node-1 node-2')
  t.equal(await plan('-o', 'custom-columns=NODES:.nodes', '--no-headers'), '[node-1]\n[node-2]\n')
})

t.test('names of a document that has none are an error, and never an empty output', async (t) => {
  const file = join(t.testdir(), 'audit.log')
  await writeFile(file, `${JSON.stringify(record())}\n`)
  for (const command of [
    ['audit', file, '--summary'],
    ['audit', file, '--summary', '--user', 'nobody'],
  ]) {
    const { code, stdout, stderr } = await run([...command, '-o', 'name'])
    t.match(
      { code, stdout, stderr },
      { code: 2, stdout: '', stderr: /^holdfast: -o name is for .*\n$/ },
      command.join(' '),
    )
  }
  const version = await run(['version', '--client', '-o', 'name'])
  t.match(version, { code: 2, stderr: /Allowed choices are text, json, yaml, jsonpath=/ })
})
