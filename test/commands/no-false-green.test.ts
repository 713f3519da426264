import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { variableOf } from '../../src/commands/options/setting-options.ts'
import { settingNames } from '../../src/configuration/settings.ts'
import { type Choice, embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { record } from '../observability/records.ts'
import { linesOf, run, start } from './holdfast.ts'

const records = `${JSON.stringify(record({ uid: 'r1', verdict: 'refuse' }))}\n`
const log = `{"level":30,"msg":"listening"}\n`

/** The options that name an embedded cluster. */
async function at(t: Test, choice: Choice = {}): Promise<string[]> {
  const { kubeconfig } = await embeddedCluster(t, choice)
  const path = join(t.testdir(), 'kubeconfig')
  await writeFile(path, kubeconfig)
  return ['--kubeconfig', path]
}

t.test('in a namespace without a Longhorn no command succeeds', async (t) => {
  const cluster = await at(t)
  const commands = [
    ...[['status'], ['snapshot'], ['plan', 'node-1'], ['evict', 'node-1', '--dry-run'], ['evict', 'node-1']],
    ...[['rescue'], ['rescue', '--dry-run']],
    ['check', 'nodes/node-1', '--patch', '{}'],
  ]
  for (const command of commands) {
    const { code, stderr } = await run([...command, ...cluster, '--longhorn-namespace', 'nope'])
    t.equal(code, 2, command.join(' '))
    t.match(stderr, /There is no Longhorn in namespace nope: /, command.join(' '))
  }
  const doctor = await run(['doctor', ...cluster, '--longhorn-namespace', 'nope'])
  t.match(doctor, { code: 1, stdout: /error +release +There is no Longhorn in namespace nope/ })
})

t.test('a namespace of the guard that is named and is not there is no success', async (t) => {
  const cluster = await at(t)
  const wrong = await run(['status', ...cluster, '--namespace', 'nope'])
  t.match(wrong, { code: 2, stdout: /node-1/, stderr: /There is no namespace nope/ })
  t.match(await run(['status', ...cluster]), { code: 0 }, 'without a given namespace, there may be no guard')
  t.match(await run(['audit', ...cluster, '--namespace', 'nope']), { code: 2 })
})

t.test('a file without a record is not a guard’s', async (t) => {
  const folder = t.testdir({ 'other.log': log, 'empty.log': '', 'guard.log': log + records })
  const none = /there is no record in .*; it has to be the log of a guard/
  for (const name of ['other.log', 'empty.log'])
    for (const more of [[], ['--summary'], ['--follow'], ['-o', 'json']])
      t.match(
        await run(['audit', join(folder, name), ...more]),
        { code: 2, stderr: none },
        `${name} ${more.join(' ')}`,
      )
  t.match(await run(['audit', '-'], {}, log), { code: 2, stderr: /no record in standard input/ })
  t.match(await run(['audit', join(folder, 'guard.log'), '--user', 'nobody']), {
    code: 0,
    stderr: 'No record matches.\n',
  })
  t.match(await run(['audit', folder]), { code: 2, stderr: /cannot read the audit file .*it is a folder/ })
})

t.test('a log that PowerShell wrote has its records', async (t) => {
  const path = join(t.testdir(), 'guard.log')
  await writeFile(path, Buffer.from(`\ufeff${log}${records}`.replaceAll('\n', '\r\n'), 'utf16le'))
  t.match(await run(['audit', path, '-o', 'json']), { code: 0, stdout: /"uid": "r1"/ })
})

t.test('an invalid address is an error in a sentence', async (t) => {
  for (const address of ['foo', 'localhost:8081', 'http://[::1', 'ftp://localhost/']) {
    const { code, stderr } = await run(['audit', '--address', address])
    t.equal(code, 2, address)
    t.match(stderr, /It must be a URL such as http:/, address)
    t.notMatch(stderr, /\n {4}at /, address)
  }
})

t.test('an address with a path is refused, since another one would be asked', async (t) => {
  t.match(await run(['audit', '--address', 'http://127.0.0.1:1/audit']), {
    code: 2,
    stderr: /It must be without a path: http:\/\/127\.0\.0\.1:1\./,
  })
})

t.test('an invalid release is not played', async (t) => {
  for (const release of ['latest', 'master-head', 'v1.8', '']) {
    const { code, stdout, stderr } = await run(['sandbox', '--once', '--longhorn', release])
    t.strictSame([code, stdout], [2, ''], release)
    t.match(stderr, 'It must be a release such as v1.8.0', release)
  }
})

t.test('an invalid release is an error where a person writes it', async (t) => {
  const must = /must be a release such as v1\.8\.0/
  const folder = t.testdir({ 'holdfast.yaml': 'longhornRelease: latest\n', 'one.yaml': '' })
  const file = ['--config', join(folder, 'holdfast.yaml')]
  for (const args of [
    ['serve', '--longhorn-release', 'stable'],
    ['serve', ...file],
    ['proxy', 'kubernetes', '--longhorn-release', 'v1'],
    ['proxy', 'longhorn', '--upstream', 'http://127.0.0.1:1', ...file],
    ['check', '-f', join(folder, 'one.yaml'), ...file],
    ['doctor', '--target', 'master-head'],
  ])
    t.match(await run(args), { code: 2, stdout: /^$/, stderr: must }, args.join(' '))
  t.match(await run(['serve'], { HOLDFAST_LONGHORN_RELEASE: 'main' }), {
    code: 2,
    stderr: /HOLDFAST_LONGHORN_RELEASE: "main" must be a release/,
  })
})

t.test('an invalid release in the cluster is reported, with the assumption', async (t) => {
  const cluster = await at(t, { release: 'latest' })
  const said = 'Longhorn says "latest" of its release, so the worst is assumed (profile A).'
  t.match(await run(['status', ...cluster]), {
    code: 0,
    stdout: said.replace('Longhorn says', 'Longhorn: says'),
  })
  const json = await run(['status', '-o', 'json', ...cluster])
  t.match(JSON.parse(json.stdout), { longhorn: { release: 'latest', profile: 'A', assumed: true } })
  t.match(await run(['doctor', ...cluster]), { code: 1, stdout: said })
  t.match(await run(['evict', 'node-1', '--dry-run', '--unguarded', ...cluster]), { stderr: said })
  const check = ['check', 'nodes/node-1', '--patch', '{"spec":{"tags":["a"]}}', ...cluster]
  t.match(await run(check), { code: 0, stderr: said })
})

t.test('a release that is newer than is known is reported, with the assumption', async (t) => {
  const cluster = await at(t, { release: 'v1.13.0' })
  const said =
    'Longhorn v1.13.0 is newer than this version of Holdfast knows, so it is judged as v1.12 (profile C).'
  const heading = said.replace('Longhorn ', 'Longhorn: ')
  t.match(await run(['status', ...cluster]), { code: 0, stdout: heading })
  const json = await run(['status', '-o', 'json', ...cluster])
  t.match(JSON.parse(json.stdout), { longhorn: { release: 'v1.13.0', profile: 'C', assumed: true } })
  t.match(await run(['doctor', ...cluster]), { code: 1, stdout: said })
  t.match(await run(['doctor', '--target', 'v2.0.0', ...cluster]), {
    stdout: /upgrade +Longhorn v2\.0\.0 is newer than this version of Holdfast knows/,
  })
  t.match(await run(['evict', 'node-1', '--dry-run', '--unguarded', ...cluster]), { stderr: said })
  const check = ['check', 'nodes/node-1', '--patch', '{"spec":{"tags":["a"]}}', ...cluster]
  t.match(await run(check), { code: 0, stderr: said })
})

t.test('an unknown variable is an error, with the nearest setting', async (t) => {
  const file = join(t.testdir({ 'guard.log': records }), 'guard.log')
  const audit = (env: Record<string, string>) => run(['audit', file], env)
  const misspelt = await audit({ HOLDFAST_LONGHORN_NAMESPCE: 'x', HOLDFAST_ZZZZZZZZZZZZ: 'y' })
  t.match(misspelt, {
    code: 2,
    stdout: '',
    stderr:
      /unknown variable HOLDFAST_LONGHORN_NAMESPCE; did you mean HOLDFAST_LONGHORN_NAMESPACE\?\nunknown variable HOLDFAST_Z+\n/,
  })
  const all = Object.fromEntries(settingNames.map((name) => [variableOf(name), 'x']))
  t.match(await audit({ ...all, HOLDFAST_CONFIG: 'x', HOLDFAST_PROXY_LISTEN: 'x' }), { code: 0 })
})

t.test('the variables that Kubernetes sets for Services are no settings', async (t) => {
  const file = join(t.testdir({ 'guard.log': records }), 'guard.log')
  const links = {
    HOLDFAST_SERVICE_HOST: '10.0.0.1',
    HOLDFAST_SERVICE_PORT: '443',
    HOLDFAST_SERVICE_PORT_WEBHOOK: '443',
    HOLDFAST_PORT: 'tcp://10.0.0.1:443',
    HOLDFAST_PORT_443_TCP: 'tcp://10.0.0.1:443',
    HOLDFAST_PORT_443_TCP_PROTO: 'tcp',
    HOLDFAST_PORT_443_TCP_PORT: '443',
    HOLDFAST_PORT_443_TCP_ADDR: '10.0.0.1',
    HOLDFAST_LONGHORN_PORT: 'tcp://10.0.0.2:9500',
  }
  t.match(await run(['audit', file], links), { code: 0 })
  const serve = await run(['serve', '--kubeconfig', '/nonexistent'], { ...links, HOLDFAST_MAX_HOLDS: 'x' })
  t.match(serve, { code: 2, stderr: /HOLDFAST_MAX_HOLDS/ })
  t.notMatch(serve.stderr, 'HOLDFAST_PORT', 'nor is it taken for the port of the webhook')
})

t.test('the lines that the sandbox gives to try show a hold on the release that it plays', async (t) => {
  for (const [release, disk] of [
    ['v1.8.0', 'disk-2'],
    ['v1.9.0', 'disk-1'],
    ['v1.10.0', 'disk-1'],
  ] as const) {
    const running = start(['sandbox', '--bare', '--drain', '10m', '--longhorn', release], {
      TMPDIR: t.testdir(),
    })
    t.teardown(running.end)
    const lines: string[] = []
    await linesOf(running, lines)(/A clean-up takes/)
    const text = lines.join('\n')
    const kubeconfig = /export KUBECONFIG=(\S+)/.exec(text)?.[1] ?? ''
    const patches = [...text.matchAll(/kubectl patch (\S+) (\S+) --type merge -p '(.*)'/g)]
    const [cleanUp, evict] = patches.map(([, resource = '', name = '', patch = '']) => ({
      resource,
      name,
      patch,
    }))
    const server = /server: (\S+)/.exec(text)?.[1] ?? /at (http:\S+)/.exec(text)?.[1] ?? ''
    const answer = await fetch(
      `${server}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages/${cleanUp?.name}`,
      {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: cleanUp?.patch ?? '',
      },
    )
    t.equal(answer.status, 200, release)
    t.match(evict?.patch, disk, release)
    const asked = [
      'check',
      `${evict?.resource}/${evict?.name}`,
      '--patch',
      evict?.patch ?? '',
      '--kubeconfig',
      kubeconfig,
    ]
    t.match(await run(asked), { code: 1, stdout: /^held back / }, release)
    await running.end()
  }
})
