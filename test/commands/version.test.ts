import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { schemaOf } from '../../src/commands/schema/command.ts'
import { version } from '../../src/server/version.ts'
import { Ajv } from 'ajv'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { guarded } from './guarded-cluster.ts'
import { run } from './holdfast.ts'

t.test('version prints that of the client, of each replica and of Longhorn', async (t) => {
  const { kubeconfig } = await guarded(t, { release: 'v1.8.1' })
  const { code, stdout, stderr } = await run(['version', '--kubeconfig', kubeconfig])
  t.equal(code, 0, stderr)
  t.equal(stderr, '')
  t.match(
    stdout,
    /^Client: {3}\d\S+\nGuard: {4}\d\S+ \(\S+\)\nLonghorn: v1\.8\.1 crashes .* \(profile B\)\n$/,
  )
  const json = await run(['version', '--kubeconfig', kubeconfig, '-o', 'json'])
  const document: unknown = JSON.parse(json.stdout)
  t.match(document, {
    client: { version: version(), node: process.version },
    guard: [{ version: version() }],
    longhorn: { release: 'v1.8.1', profile: 'B', assumed: false },
  })
  const validate = new Ajv({ strict: false }).compile(schemaOf('version'))
  t.ok(validate(document), JSON.stringify(validate.errors))
  const path = ['-o', 'jsonpath={.longhorn.release}']
  t.equal((await run(['version', '--kubeconfig', kubeconfig, ...path])).stdout, 'v1.8.1')
})

t.test('version --client asks no cluster, and so does --version', async (t) => {
  const nowhere = ['--kubeconfig', join(t.testdir(), 'missing')]
  t.match(await run(['version', '--client', ...nowhere]), {
    code: 0,
    stdout: `Client:   ${version()}\n`,
    stderr: /^$/,
  })
  const json = await run(['version', '--client', '-o', 'json'])
  t.match(JSON.parse(json.stdout), { kind: 'Version', guard: null, longhorn: null })
  for (const flag of ['-v', '--version']) t.match(await run([flag]), { code: 0, stdout: `${version()}\n` })
})

t.test('version reports the parts that it does not know, prints the rest, and exits 2', async (t) => {
  const { kubeconfig } = await embeddedCluster(t)
  const file = join(t.testdir(), 'kubeconfig')
  await writeFile(file, kubeconfig)
  const bare = await run(['version', '--kubeconfig', file])
  t.match(bare, {
    code: 2,
    stdout: /^Client: .*\nGuard: {4}unknown\nLonghorn: v1\./,
    stderr: /The version of the guard is not known: no replica of the guard runs/,
  })
  const elsewhere = await run(['version', '--kubeconfig', file, '--longhorn-namespace', 'storage'])
  t.match(elsewhere, {
    code: 2,
    stdout: /\nLonghorn: unknown\n/,
    stderr: /There is no Longhorn in namespace storage/,
  })
  const missing = await run(['version', '--kubeconfig', join(t.testdir(), 'missing')])
  t.match(missing, { code: 2, stdout: /^Client: {3}\d/, stderr: /missing/ })
})
