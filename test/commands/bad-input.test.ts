import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { variableOf } from '../../src/commands/options/setting-options.ts'
import { settingNames } from '../../src/configuration/settings.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { thorough } from '../fixtures/thorough.ts'
import { run, type Ended } from './holdfast.ts'

const patch = ['--patch', '{"spec":{"tags":["a"]}}']

/** Commands that look at a cluster and end by themselves. */
const looking: readonly (readonly string[])[] = [
  ['status'],
  ['status', '-o', 'json'],
  ['snapshot'],
  ['plan', 'node-1'],
  ['evict', 'node-1', '--dry-run'],
  ['evict', 'node-1'],
  ['evict', 'node-1', '--unguarded'],
  ['rescue'],
  ['rescue', '--dry-run'],
  ['doctor'],
  ['audit'],
  ['check', 'nodes/node-1', ...patch],
  ['proxy', 'point-ui', 'http://127.0.0.1:1'],
]

const listen = ['--listen', '127.0.0.1:0']

/** Commands that go on until they are told to end. */
const serving: readonly (readonly string[])[] = [
  ['serve', '--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--operator-port', '0'],
  ['proxy', 'kubernetes', ...listen],
  ['proxy', 'longhorn', '--upstream', 'http://127.0.0.1:1', ...listen],
]

t.test('an empty variable is refused by every command that takes it, and named', async (t) => {
  for (const args of [...looking, ...serving])
    for (const variable of ['HOLDFAST_CONTEXT', 'HOLDFAST_KUBECONFIG', 'HOLDFAST_LONGHORN_NAMESPACE']) {
      const { code, stderr } = await run(args, { [variable]: '' })
      t.equal(code, 2, args.join(' '))
      t.equal(stderr, `holdfast: ${variable}: the variable is empty. Give it a value, or unset it\n`)
    }
  for (const args of serving)
    t.match(await run(args, Object.fromEntries(settingNames.map((name) => [variableOf(name), '']))), {
      code: 2,
      stderr: /^holdfast: HOLDFAST_\S+, .*: the variables are empty\. Give them values, or unset them\n$/,
    })
  const given = await run(['status', '--context=x', '--kubeconfig=/nonexistent'], { HOLDFAST_CONTEXT: '' })
  t.match(given.stderr, /Cannot read the kubeconfig/, 'what a flag says is not asked of a variable')
})

/** The words of a command that begin its name. */
const all = [...looking, ...serving, ['sandbox'], ['certs'], ['completion', 'bash']]

/** The inputs of each command: all in the thorough tests, else two, and the next command takes the next. */
function metBy<T>(command: number, all: readonly T[]): readonly T[] {
  if (thorough) return all
  const first = (2 * command) % all.length
  return [...all, ...all].slice(first, first + 2)
}

/** It failed, with a sentence that says why, and no stack. */
function shows(t: Test, { code, stdout, stderr }: Ended, what: string, codes: readonly number[] = [2]): void {
  t.ok(code !== null && codes.includes(code), `${what} exits with ${code}: ${stdout}${stderr}`)
  t.notMatch(stdout + stderr, /\n\s+at \S+ \(|node:internal|\[object |undefined|NaN/, what)
  t.match(stdout + stderr, /\w+ \w+/, what)
}

const binary = Buffer.from(Array.from({ length: 2_000 }, (_, index) => (index * 7_919) % 256))
const manifest = 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: b}\n'

/** A folder with files that are none of what is asked for, and their paths. */
async function oddFiles(t: Test) {
  const folder = t.testdir()
  const path = (name: string) => join(folder, name)
  await mkdir(path('folder'))
  await writeFile(path('empty'), '')
  await writeFile(path('binary'), binary)
  await writeFile(path('image.png'), Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'))
  await writeFile(path('manifest.yaml'), manifest)
  await writeFile(path('broken.yaml'), 'a: [\n  b: "')
  await writeFile(path('deep.json'), `${'['.repeat(5_000)}${']'.repeat(5_000)}`)
  await writeFile(path('deep-objects.json'), `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)
  await writeFile(path('scalar.json'), '42')
  const names = [
    'empty',
    'binary',
    'image.png',
    'manifest.yaml',
    'broken.yaml',
    'deep.json',
    'deep-objects.json',
  ]
  return { path, odd: [...names, 'scalar.json', 'folder', 'missing'].map(path) }
}

async function server(t: Test, answer: RequestListener): Promise<string> {
  const listening = createServer(answer).listen(0, '127.0.0.1')
  await once(listening, 'listening')
  t.teardown(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

function kubeconfigOf(server: string): string {
  const entry = { name: 'x', cluster: { server }, user: {}, context: { cluster: 'x', user: 'x' } }
  return JSON.stringify({ 'current-context': 'x', contexts: [entry], clusters: [entry], users: [entry] })
}

t.test('a malformed kubeconfig is an error of every command', async (t) => {
  const { path } = await oddFiles(t)
  const kinds = ['empty', 'binary', 'manifest.yaml', 'broken.yaml', 'deep.json', 'folder', 'missing']
  for (const [at, command] of [...looking, ...serving].entries())
    for (const kind of metBy(at, kinds)) {
      const args = [...command, '--kubeconfig', path(kind)]
      shows(t, await run(args), args.join(' '))
    }
})

t.test('an unknown context, namespace, option or variable is an error of every command', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const path = join(t.testdir({ kubeconfig }), 'kubeconfig')
  for (const command of all) {
    const name = command.join(' ')
    shows(t, await run([...command, '--kubeconfi', path]), `${name} --kubeconfi`)
    shows(t, await run(command, { HOLDFAST_LONGHORN_NAMESPAC: 'x' }), `${name} with an unknown variable`)
  }
  for (const command of [...looking, ...serving]) {
    const name = command.join(' ')
    const cluster = [...command, '--kubeconfig', path]
    shows(t, await run([...cluster, '--context', 'nope']), `${name} --context nope`)
    shows(t, await run([...cluster, '--longhorn-namespace', '']), `${name} in the namespace ''`)
  }
  for (const command of looking) {
    const args = [...command, '--kubeconfig', path, '--longhorn-namespace', 'nope']
    // doctor has seen that there is none, which is bad news.
    shows(t, await run(args), args.join(' '), command[0] === 'doctor' ? [1] : [2])
  }
})

t.test('an API server that is down, or another server, is an error of every command', async (t) => {
  const html = await server(t, (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>'),
  )
  const empty = await server(t, (_, response) => response.writeHead(200).end())
  const nothing = await server(t, (_, response) =>
    response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n'),
  )
  const forbidden = await server(t, (_, response) =>
    response.writeHead(403, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        kind: 'Status',
        status: 'Failure',
        reason: 'Forbidden',
        code: 403,
        message: 'no right',
      }),
    ),
  )
  const cut = await server(t, (request) => request.socket.destroy())
  const other = await server(t, (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"hello":"world"}'),
  )
  const folder = t.testdir()
  const unreachable = 'http://127.0.0.1:1'
  const servers = Object.entries({ unreachable, html, empty, nothing, forbidden, cut, other })
  for (const [at, command] of looking.entries()) {
    for (const [what, address] of metBy(at, servers)) {
      const path = join(folder, what)
      await writeFile(path, kubeconfigOf(address))
      const args = [...command, '--kubeconfig', path]
      shows(t, await run(args), `${command.join(' ')}: ${what}`, command[0] === 'doctor' ? [1, 2] : [2])
    }
  }
})

t.test('a value that is nested deeper than any object is an error', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const { path } = await oddFiles(t)
  await writeFile(path('kubeconfig'), kubeconfig)
  const at = ['--kubeconfig', path('kubeconfig')]
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`
  const node = `{"apiVersion":"longhorn.io/v1beta2","kind":"Node","metadata":{"name":"node-1"},"spec":${deep}}`
  await writeFile(path('node.json'), node)
  await writeFile(path('patch.json'), `{"spec":${deep}}`)
  const refused = { code: 2, stdout: /cannot be judged [^]*nested too deep/ }
  for (const mode of [[], ['--replace']])
    t.match(await run(['check', '-f', path('node.json'), ...mode, ...at]), refused)
  t.match(await run(['check', 'nodes/node-1', '-p', `@${path('patch.json')}`, ...at]), {
    code: 2,
    stderr: /nested too deep/,
  })
})

t.test('check reports every file of a wrong kind', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const { path, odd } = await oddFiles(t)
  await writeFile(path('kubeconfig'), kubeconfig)
  const at = ['--kubeconfig', path('kubeconfig')]
  const change = path('change.json')
  await writeFile(
    change,
    JSON.stringify({
      apiVersion: 'longhorn.io/v1beta2',
      kind: 'Node',
      metadata: { name: 'node-1' },
      spec: {},
    }),
  )
  for (const file of odd) {
    shows(t, await run(['check', '-f', file, ...at]), `check -f ${file}`)
    // An object of another kind is not the guard's business.
    if (file !== path('manifest.yaml'))
      shows(t, await run(['check', '-f', change, '-f', file, ...at]), `check -f change -f ${file}`)
    shows(t, await run(['check', '-f', change, '--snapshot', file]), `check --snapshot ${file}`)
    shows(t, await run(['check', 'nodes/node-1', '-p', `@${file}`, ...at]), `check -p @${file}`, [1, 2])
    if (file !== path('empty'))
      shows(t, await run(['check', '-f', change, '--config', file, ...at]), `check --config ${file}`)
  }
  const stdin = await run(['check', '-f', '-', '--snapshot', '-'], {}, manifest)
  shows(t, stdin, 'standard input twice')
  t.match(stdin.stderr, /standard input \(-\) can be read once/)
  shows(t, await run(['check', '-f', '-', ...at], {}, ''), 'an empty standard input')
})

t.test('audit reports every source of a wrong kind', async (t) => {
  const { odd } = await oddFiles(t)
  for (const file of odd)
    for (const more of [[], ['--summary'], ['--follow'], ['-o', 'json']])
      shows(t, await run(['audit', file, ...more]), `audit ${file} ${more.join(' ')}`)
  const html = await server(t, (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>'),
  )
  for (const address of [html, 'http://127.0.0.1:1']) {
    shows(t, await run(['audit', '--address', address]), `audit --address ${address}`)
    shows(t, await run(['audit', '--address', address, '--follow']), `audit --follow --address ${address}`)
  }
  const secret = await run(['audit', '--address', 'http://ann:s3cret@127.0.0.1:1'])
  shows(t, secret, 'a password in an address')
  t.match(await run(['audit', 'guard.log', '--address', html]), { code: 2, stderr: /are two sources/ })
})

t.test('serve and the proxies report every file of a wrong kind', async (t) => {
  const { odd, path } = await oddFiles(t)
  await writeFile(path('kubeconfig'), kubeconfigOf('http://127.0.0.1:1'))
  const at = ['--kubeconfig', path('kubeconfig'), '--namespace', 'holdfast', '--log-level', 'silent']
  const [serve = [], ...proxies] = serving
  for (const file of odd) {
    if (file !== path('empty'))
      for (const command of serving)
        shows(t, await run([...command, ...at, '--config', file]), `${command.join(' ')} --config ${file}`)
    const pair = ['--tls-cert', file, '--tls-key', file]
    shows(t, await run([...serve, ...at, ...pair]), `serve with the certificate ${file}`)
    shows(t, await run([...serve, ...at, '--client-ca', file]), `serve --client-ca ${file}`)
    for (const proxy of proxies)
      shows(t, await run([...proxy, ...at, '--tls', ...pair]), `${proxy.join(' ')} --tls ${file}`)
  }
  shows(t, await run([...serve, ...at, '--host', '203.0.113.1']), 'serve --host')
})

t.test('a folder that cannot be written is an error', async (t) => {
  const { path } = await oddFiles(t)
  for (const dir of [path('empty'), join(path('empty'), 'below')])
    for (const more of [[], ['--api-server'], ['--overwrite']]) {
      const names = more.includes('--api-server') ? [] : ['--dns', 'localhost']
      shows(t, await run(['certs', '--dir', dir, ...names, ...more]), `certs --dir ${dir} ${more.join(' ')}`)
    }
  shows(t, await run(['sandbox', '--once'], { TMPDIR: path('missing') }), 'sandbox without a TMPDIR')
})

t.test('options that name the cluster may stand before the command, as with kubectl', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const path = join(t.testdir({ kubeconfig }), 'kubeconfig')
  for (const args of [
    ['--kubeconfig', path, 'status'],
    [`--kubeconfig=${path}`, '--context', 'holdfast-sandbox', 'status', 'node-1'],
    ['--kubeconfig', '/nowhere', 'status', '--kubeconfig', path],
    ['--as', 'ann', '--kubeconfig', path, 'status', '--', 'node-1'],
    ['--kubeconfig', path, 'plan', '--', 'node-1'],
  ])
    t.match(await run(args), { code: 0, stdout: /node-1/ }, args.join(' '))
  t.match(await run(['-n', 'nope', '--kubeconfig', path, 'status']), { code: 2, stderr: /no namespace nope/ })
  shows(t, await run(['--kubeconfig', '/nowhere', 'proxy', 'kubernetes', ...listen]), 'proxy')
  shows(t, await run(['--kubeconfig', path]), 'no command')
  shows(t, await run(['--watch', 'status']), 'an option of one command before it')
})
