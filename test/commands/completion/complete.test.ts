import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { OfferedCommand } from '../../../src/commands/completion/offers.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { run } from '../holdfast.ts'

/** What a shell is told for these words, the last of them unfinished. */
async function offered(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await run(['__complete', ...words], env)
  t.strictSame([code, stderr], [0, ''])
  const lines = stdout.trimEnd().split('\n')
  const directive = lines.pop()
  return { words: lines.map((line) => line.split('\t')[0]), lines, directive }
}

/** A kubeconfig of an API server that has node-1 alone, and the requests that it gets. */
async function listening(t: Test) {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    const items = request.url?.includes('/nodes') ? [{ metadata: { name: 'node-1' } }] : []
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ items }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const kubeconfig = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x' } }],
    clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}` } }],
  }
  const file = join(t.testdir(), 'kubeconfig')
  await writeFile(file, JSON.stringify(kubeconfig))
  return { asked, env: { KUBECONFIG: file } }
}

t.test('the completion offers commands with their descriptions, nested ones too', async (t) => {
  t.match(await offered(['ev']), { lines: [/^evict\tEmpties Longhorn nodes/], directive: ':4' })
  t.ok((await offered([''])).words.length >= 17)
  t.strictSame((await offered(['proxy', ''])).words.sort(), ['kubernetes', 'longhorn', 'point-ui'])
  t.strictSame((await offered(['--context', 'lab', 'stat'])).words, ['status'], 'behind flags of the cluster')
  t.strictSame((await offered(['nonsense', ''])).words, [])
})

t.test('flags are offered, once each, and short ones to who asks for them', async (t) => {
  t.strictSame((await offered(['audit', '--su'])).words, ['--summary'])
  t.strictSame((await offered(['proxy', 'longhorn', '--upstream-'])).words, ['--upstream-timeout'])
  t.notOk(
    (await offered(['proxy', 'longhorn', '--'])).words.includes('--webhook-configuration'),
    'those with an effect',
  )
  t.notOk((await offered(['audit', '--since', '1h', '--'])).words.includes('--since'))
  t.ok((await offered(['status', '-'])).words.includes('-o'))
  t.notOk((await offered(['status', '--'])).words.includes('-o'))
  t.strictSame((await offered(['evict', '--', '--'])).words, [], 'none behind --')
})

t.test('flags that may be given several times are offered again', async (t) => {
  for (const [flag, ...before] of [
    ['--as-group', 'check'],
    ['--filename', 'check', '-f', 'a.yaml'],
    ['--as-group', 'status'],
    ['--address', 'status'],
    ['--dns', 'certs'],
    ['--since', 'compare-crds'],
    ['--rule', 'serve'],
    ['--client-name', 'serve'],
  ] as const)
    t.strictSame((await offered([...before, flag, 'x', flag])).words, [flag], flag)
  for (const [flag, ...before] of [
    ['--as', 'status'],
    ['--context', 'status'],
    ['--type', 'check'],
    ['--mode', 'serve'],
  ] as const)
    t.strictSame((await offered([...before, flag, 'x', flag])).words.includes(flag), false, flag)
})

t.test('the completion offers a flag again only if its help says that it may be repeated', async (t) => {
  const { stdout } = await run(['__offers'])
  const all = ({ commands, ...command }: OfferedCommand): readonly OfferedCommand[] => [
    { ...command, commands },
    ...commands.flatMap(all),
  ]
  for (const { name, flags } of all(JSON.parse(stdout) as OfferedCommand))
    for (const { names, description, isRepeatable = false } of flags)
      t.equal(isRepeatable, description.includes('may be given several times'), `${name} ${names.join()}`)
})

t.test('values of flags and arguments are offered, behind a space and behind =', async (t) => {
  t.strictSame((await offered(['audit', '--verdict', 're'])).words, ['refuse'])
  t.strictSame((await offered(['audit', '--verdict=re'])).words, ['--verdict=refuse'])
  t.strictSame(
    (await offered(['audit', '--verdict', '=', 're'])).words,
    ['--verdict=refuse'],
    'as bash breaks it',
  )
  t.strictSame((await offered(['serve', '--mode', ''])).words, ['enforce', 'warn', 'off'])
  t.strictSame((await offered(['serve', '--rule', 'copy-in-use='])).words, [
    'copy-in-use=enforce',
    'copy-in-use=warn',
    'copy-in-use=off',
  ])
  t.strictSame((await offered(['completion', ''])).words, ['bash', 'zsh', 'fish', 'powershell'])
  t.ok((await offered(['schema', ''])).words.includes('status'))
  t.match(await offered(['status', '-o', 'custom']), {
    words: ['custom-columns=', 'custom-columns-file='],
    directive: ':6',
  })
})

t.test('files are left to the shell', async (t) => {
  for (const words of [
    ['check', '-f', ''],
    ['serve', '--config', 'x'],
    ['evict', '--plan', ''],
    ['audit', ''],
  ])
    t.strictSame(await offered(words), { words: [], lines: [], directive: ':0' }, words.join(' '))
  t.equal(
    (await offered(['evict', '--timeout', ''])).directive,
    ':4',
    'and nothing is offered for other texts',
  )
})

t.test('names come from the cluster that the flags select', async (t) => {
  const { kubeconfig } = await embeddedCluster(t, { nodes: 3, images: 2 })
  const file = join(t.testdir(), 'kubeconfig')
  await writeFile(file, kubeconfig)
  const env = { KUBECONFIG: file }
  t.strictSame((await offered(['evict', ''], env)).words, ['node-1', 'node-2', 'node-3'])
  t.strictSame((await offered(['evict', 'node-1', ''], env)).words, ['node-2', 'node-3'], 'each once')
  t.strictSame((await offered(['evict', 'node-1', '--disk', ''], env)).words, ['disk-1', 'disk-2'])
  t.strictSame((await offered(['audit', '--image', 'u'], env)).words, ['ubuntu-22.04'])
  t.strictSame((await offered(['audit', '--node=node-2'], env)).words, ['--node=node-2'])
  t.strictSame((await offered(['check', 'nodes/node-3'], env)).words, ['nodes/node-3'])
  t.strictSame((await offered(['check', 'backingimages/d'], env)).words, ['backingimages/debian-12'])
  t.ok((await offered(['status', '--longhorn-namespace', ''], env)).words.includes('longhorn-system'))
  t.strictSame((await offered(['status', '--kubeconfig', file, '--context', ''])).words, ['holdfast-sandbox'])
  t.strictSame((await offered(['evict', ''], { HOLDFAST_KUBECONFIG: file })).words.length, 3)
  t.strictSame((await offered(['evict', '--longhorn-namespace', 'storage', ''], env)).words, [])
})

t.test(
  'names are looked for as the user whom the flags name, but not as the one whom check judges',
  async (t) => {
    const { asked, env } = await listening(t)
    const who = ['--as', 'ann', '--as-group', 'ops', '--as-group=dev']
    t.strictSame((await offered(['evict', ...who, ''], env)).words, ['node-1'])
    t.strictSame((await offered(['check', ...who, 'nodes/'], env)).words, ['nodes/node-1'])
    const users = asked.map(({ headers }) => [headers['impersonate-user'], headers['impersonate-group']])
    t.strictSame(users, [
      ['ann', 'ops, dev'],
      [undefined, undefined],
      [undefined, undefined],
    ])
  },
)

t.test('a node with any name is asked for by that name', async (t) => {
  const { asked, env } = await listening(t)
  await offered(['evict', '../settings/x?y#z', '--disk', ''], env)
  t.match(
    asked.map(({ url }) => url),
    [/\/nodes\/\.\.%2Fsettings%2Fx%3Fy%23z$/],
  )
})

t.test('a cluster that cannot be asked offers nothing, and says nothing', async (t) => {
  const file = join(t.testdir(), 'kubeconfig')
  const config = {
    'current-context': 'x',
    contexts: [
      { name: 'x', context: { cluster: 'x' } },
      { name: 'arn:aws:eks:1', context: { cluster: 'x' } },
    ],
    clusters: [{ name: 'x', cluster: { server: 'http://127.0.0.1:1' } }],
  }
  await writeFile(file, JSON.stringify(config))
  t.strictSame((await offered(['evict', ''], { KUBECONFIG: file })).directive, ':4')
  t.strictSame((await offered(['evict', ''], { KUBECONFIG: join(file, 'missing') })).words, [])
  t.strictSame((await offered(['status', '--context', 'arn', ':', 'aws'], { KUBECONFIG: file })).words, [
    'arn:aws:eks:1',
  ])
})
