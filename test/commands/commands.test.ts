import { readdir, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { settingFacts, settingNames } from '../../src/configuration/settings.ts'
import { flagOf, variableOf } from '../../src/commands/setting-options.ts'
import { run } from './holdfast.ts'

t.test('help tells every flag and every variable', async (t) => {
  const { code, stdout } = await run(['serve', '--help'])
  t.equal(code, 0)
  for (const name of settingNames) {
    t.match(stdout, flagOf(name))
    t.match(stdout, variableOf(name))
    t.match(stdout.replaceAll(/\s+/g, ' '), settingFacts[name].help)
  }
})

t.test('everything that is wrong with the settings is told at once, by the name it was given', async (t) => {
  const file = join(t.testdir(), 'holdfast.yaml')
  await writeFile(file, 'halthPort: 1\n')
  const flags = ['--port', 'high', '--rule', 'copy-in-us=warn', '--config', file]
  const { code, stderr } = await run(['serve', ...flags], { HOLDFAST_MAX_AGE: 'soon' })
  t.equal(code, 2)
  t.match(stderr, '--port: "high" must be integer')
  t.match(stderr, '--rule: unknown key "copy-in-us"; did you mean "copy-in-use"?')
  t.match(stderr, 'HOLDFAST_MAX_AGE: "soon" must be a duration such as 500ms, 5s or 1m30s')
  t.match(stderr, `${file}:1: unknown key "halthPort"; did you mean "healthPort"?`)
  t.notMatch(stderr, ' at ', 'no stack')
})

t.test('a missing certificate, configuration file or cluster is told, with what to do', async (t) => {
  const folder = t.testdir()
  const missing = join(folder, 'missing')
  const noConfig = await run(['serve', '--config', missing])
  t.equal(noConfig.code, 2)
  t.match(noConfig.stderr, `cannot read the configuration file ${missing}`)
  await writeFile(join(folder, 'kubeconfig'), kubeconfig)
  const place = ['--kubeconfig', join(folder, 'kubeconfig')]
  const noCert = await run(['serve', '--tls-cert', missing, ...place, '--port', '0', ...anyPort])
  t.equal(noCert.code, 2)
  t.match(noCert.stderr, `cannot read ${missing} (--tls-cert)`)
  t.match(noCert.stderr, 'holdfast certs')
  const certs = join(folder, 'certs')
  t.equal((await run(['certs', '--dir', certs, '--dns', 'localhost'])).code, 0)
  const files = ['--tls-cert', join(certs, 'tls.crt'), '--tls-key', join(certs, 'tls.key')]
  const noCluster = await run(['serve', ...files, '--kubeconfig', missing, '--port', '0', ...anyPort])
  t.equal(noCluster.code, 2)
  t.match(noCluster.stderr, missing)
  const swapped = ['--tls-cert', join(certs, 'tls.key'), '--tls-key', join(certs, 'tls.crt')]
  const unusable = await run(['serve', ...swapped, ...place, '--port', '0', ...anyPort])
  t.equal(unusable.code, 2)
  t.match(unusable.stderr, 'certificate')
})

t.test('a port that is taken is told, and the guard ends', async (t) => {
  const folder = t.testdir()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' && address ? String(address.port) : ''
  const certs = join(folder, 'certs')
  t.equal((await run(['certs', '--dir', certs, '--dns', 'localhost'])).code, 0)
  await writeFile(join(folder, 'kubeconfig'), kubeconfig)
  const files = ['--tls-cert', join(certs, 'tls.crt'), '--tls-key', join(certs, 'tls.key')]
  const places = [
    '--kubeconfig',
    join(folder, 'kubeconfig'),
    '--host',
    '127.0.0.1',
    '--port',
    port,
    ...anyPort,
  ]
  const { code, stderr } = await run(['serve', ...files, ...places, '--log-level', 'silent'])
  t.equal(code, 2)
  t.match(stderr, `port ${port}`)
  const sandbox = await run(['sandbox', '--port', port])
  t.equal(sandbox.code, 2)
  t.match(sandbox.stderr, `cannot start the embedded cluster on port ${port}`)
})

t.test('certs makes an authority and a certificate, and overwrites nothing unasked', async (t) => {
  const certs = join(t.testdir(), 'certs')
  const args = ['certs', '--dir', certs, '--dns', 'localhost', '--ip', '127.0.0.1']
  const made = await run(args)
  t.equal(made.code, 0, made.stderr)
  t.strictSame((await readdir(certs)).sort(), ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
  for (const key of ['ca.key', 'tls.key']) t.equal((await stat(join(certs, key))).mode & 0o777, 0o600, key)
  t.match(made.stdout, /valid until \d{4}-\d\d-\d\d, its authority until \d{4}-\d\d-\d\d/)
  const again = await run(args)
  t.equal(again.code, 2)
  t.match(again.stderr, 'tls.crt')
  t.equal((await run([...args, '--overwrite'])).code, 0)
  const nameless = await run(['certs', '--dir', join(certs, 'other')])
  t.equal(nameless.code, 2)
})

t.test('a wrong flag or command is an error with a hint, and exits 2', async (t) => {
  const flag = await run(['sandbox', '--nodes', '1'])
  t.equal(flag.code, 2)
  t.match(flag.stderr, 'at least 2')
  const drain = await run(['sandbox', '--drain', 'soon'])
  t.equal(drain.code, 2)
  const command = await run(['sandbx'])
  t.equal(command.code, 2)
  t.match(command.stderr, 'sandbox')
  const version = await run(['--version'])
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
})

/** Of what else a guard listens on. */
const anyPort = ['--health-port', '0', '--operator-port', '0']

const kubeconfig = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
})
