import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { parse } from 'yaml'
import { flagOf, variableOf } from '../../src/commands/options/setting-options.ts'
import { settingFacts, settingNames } from '../../src/configuration/settings.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { thorough } from '../fixtures/thorough.ts'
import { run, runProcess, startProcess } from './holdfast.ts'

t.test('the help names every flag and every variable', async (t) => {
  const { code, stdout } = await run(['serve', '--help'])
  t.equal(code, 0)
  for (const name of settingNames) {
    t.match(stdout, flagOf(name))
    t.match(stdout, variableOf(name))
    t.match(stdout.replaceAll(/\s+/g, ' '), settingFacts[name].help)
  }
})

t.test('all errors in the settings are reported at once, by the names in their source', async (t) => {
  const file = join(t.testdir(), 'holdfast.yaml')
  await writeFile(file, 'halthPort: 1\n')
  const flags = ['--port', 'high', '--rule', 'copy-in-us=warn', '--config', file]
  const { code, stderr } = await run(['serve', ...flags], { HOLDFAST_MAX_AGE: 'soon' })
  t.equal(code, 2)
  t.match(stderr, '--port: "high" must be a port, 0 to 65535')
  t.match(stderr, '--rule: there is no rule "copy-in-us"; did you mean "copy-in-use"?')
  t.match(stderr, 'HOLDFAST_MAX_AGE: "soon" must be a duration such as 500ms, 5s or 1m30s')
  t.match(stderr, `${file}:1: unknown key "halthPort"; did you mean "healthPort"?`)
  t.notMatch(stderr, ' at ', 'no stack')
})

t.test('a variable counts if its flag is missing, and a wrong one is an error with its name', async (t) => {
  const env = { HOLDFAST_PROXY_LISTEN: 'x:y' }
  t.match(await run(['proxy', 'kubernetes'], env), {
    code: 2,
    stderr:
      /option '--listen <host:port>' value 'x:y' from env 'HOLDFAST_PROXY_LISTEN' is invalid\. It must be like/,
  })
  t.match(await run(['proxy', 'kubernetes', '--listen', '0.0.0.0:0'], env), {
    code: 2,
    stderr: /^holdfast: --listen 0\.0\.0\.0: /,
  })
  process.env.HOLDFAST_PORT = 'high'
  t.teardown(() => delete process.env.HOLDFAST_PORT)
  t.match(await run(['serve', '--port', 'low']), {
    stderr: /^holdfast: --port: "low" must be a port, 0 to 65535\n$/,
  })
  t.match(await run(['serve'], { HOLDFAST_PORT: 'low' }), {
    stderr: /^holdfast: HOLDFAST_PORT: "low" must be/,
  })
})

t.test('a missing certificate, configuration file or cluster is an error, with the remedy', async (t) => {
  const folder = t.testdir()
  const missing = join(folder, 'missing')
  const noConfig = await run(['serve', '--config', missing])
  t.equal(noConfig.code, 2)
  t.match(noConfig.stderr, `cannot read the configuration file ${missing}`)
  await writeFile(join(folder, 'kubeconfig'), kubeconfig)
  const place = ['--kubeconfig', join(folder, 'kubeconfig'), '--namespace', 'holdfast']
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

t.test('serve exits with code 2 and names the port that is in use', async (t) => {
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
  const cluster = ['--kubeconfig', join(folder, 'kubeconfig'), '--namespace', 'holdfast']
  const places = [...cluster, '--host', '127.0.0.1', '--port', port, ...anyPort]
  const { code, stderr } = await run(['serve', ...files, ...places, '--log-level', 'silent'])
  t.equal(code, 2)
  t.match(stderr, `port ${port}`)
  const sandbox = await run(['sandbox', '--port', port])
  t.equal(sandbox.code, 2)
  t.match(sandbox.stderr, `cannot start the embedded cluster on port ${port}`)
  const rest = await run(['sandbox', '--rest-port', port])
  t.match(rest, { code: 2, stderr: `cannot start the embedded cluster on port ${port}` })
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

t.test('certs makes the files of an API server, says where each goes, and renews them', async (t) => {
  const certs = join(t.testdir(), 'certs')
  const args = ['certs', '--api-server', '--dir', certs]
  const made = await run([...args, '--webhook', 'guard.holdfast.svc:8443', '--webhook', '[::1]:8443'])
  t.equal(made.code, 0, made.stderr)
  const sent = ['admission.yaml', 'client.crt', 'client.key', 'kubeconfig.yaml'].map(
    (name) => `api-server/${name}`,
  )
  const kept = ['client-ca.crt', 'client-ca.key']
  t.strictSame((await readdir(certs)).sort(), ['api-server', ...kept])
  const modes = await Promise.all(
    [...sent, ...kept].map(async (name) => (await stat(join(certs, name))).mode),
  )
  t.strictSame(
    [...new Set(modes.map((mode) => (mode & 0o777).toString(8)))],
    ['600'],
    'all for the owner alone',
  )
  t.match(made.stdout, '--admission-control-config-file=/etc/kubernetes/holdfast/admission.yaml')
  t.match(made.stdout, /kubectl create configmap .*--set webhook\.clientCertificates\.configMap=/s)
  t.match(made.stdout, /Before \d{4}-\d\d-\d\d make a new certificate/)
  const read = async (name: string) => parse(await readFile(join(certs, name), 'utf8')) as unknown
  t.match(await read('api-server/admission.yaml'), {
    kind: 'AdmissionConfiguration',
    plugins: [{ configuration: { kubeConfigFile: '/etc/kubernetes/holdfast/kubeconfig.yaml' } }],
  })
  const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' }
  t.strictSame(await read('api-server/kubeconfig.yaml'), {
    apiVersion: 'v1',
    kind: 'Config',
    users: [
      { name: 'guard.holdfast.svc:8443', user },
      { name: '[::1]:8443', user },
    ],
  })
  const authority = await readFile(join(certs, 'client-ca.crt'), 'utf8')
  t.match(await run(args), { code: 2, stderr: /client\.crt .*exist already/ })
  const renewed = await run([...args, '--overwrite'])
  t.equal(renewed.code, 0)
  t.match(renewed.stdout, /Copy client\.crt and client\.key .*reads them again by itself, within/s)
  t.equal(await readFile(join(certs, 'client-ca.crt'), 'utf8'), authority, 'guards take the new one too')
  await rm(join(certs, 'api-server'), { recursive: true })
  t.match((await run(args)).stdout, '--admission-control-config-file=', 'made anew of the same authority')
})

t.test('certs rejects options that no API server can use, and writes nothing', async (t) => {
  const certs = join(t.testdir(), 'certs')
  const args = ['certs', '--api-server', '--dir', certs]
  t.match(await run([...args, '--webhook', 'https://guard/validate']), { code: 2, stderr: /--webhook/ })
  for (const webhook of ['guard.svc:99999', 'guard.svc:0', '[::1]:65536', 'guard.svc:'])
    t.match(await run([...args, '--webhook', webhook]), { code: 2, stderr: /--webhook/ }, webhook)
  t.match(await run([...args, '--installed-in', 'here']), { code: 2, stderr: /not an absolute path/ })
  t.match(await run([...args, '--dns', 'localhost']), { code: 2, stderr: /are for a serving certificate/ })
  await t.rejects(readdir(certs), { code: 'ENOENT' })
})

t.test('unusable authorities of callers are an error before serving begins', async (t) => {
  const folder = t.testdir({ 'empty.crt': '', kubeconfig })
  const serve = ['serve', '--kubeconfig', join(folder, 'kubeconfig'), '--namespace', 'holdfast', ...anyPort]
  const missing = await run([...serve, '--client-ca', join(folder, 'missing')])
  t.match(missing, {
    code: 2,
    stderr: /missing \(--client-ca\) cannot be used: it does not exist \(ENOENT\)/,
  })
  const empty = await run([...serve, '--client-ca', join(folder, 'empty.crt')])
  t.match(empty, {
    code: 2,
    stderr: /empty\.crt \(--client-ca\) cannot be used: it has no certificate/,
  })
  const names = await run([...serve, '--client-name', 'kube-apiserver'])
  t.match(names, { code: 2, stderr: /--client-name\) has no effect without clientCa/ })
  const proxied = ['proxy', 'kubernetes', '--client-ca', join(folder, 'empty.crt')]
  t.match(await run(proxied), { code: 2, stderr: /--client-ca is for holdfast serve/ })
})

t.test('a wrong flag or command is an error with a hint, and exits 2', async (t) => {
  const flag = await run(['sandbox', '--nodes', '1'])
  t.equal(flag.code, 2)
  t.match(flag.stderr, 'from 2 to 100')
  const drain = await run(['sandbox', '--drain', 'soon'])
  t.equal(drain.code, 2)
  const command = await run(['sandbx'])
  t.equal(command.code, 2)
  t.match(command.stderr, 'sandbox')
  const inherited = await run(['constructor'])
  t.match(inherited, { code: 2, stderr: /unknown command 'constructor'/ })
  const version = await run(['--version'])
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
})

// One of each exit code, and in the thorough tests of each command. Those that are not here have a process in the tests
// of their own: serve, proxy, sandbox, status, audit, check.

t.test('a process ends with the code of its command', async (t) => {
  const sandbox = await embeddedCluster(t, { nodes: 2, images: 1, longhorn: {} })
  const folder = t.testdir()
  const env = { HOLDFAST_KUBECONFIG: join(folder, 'kubeconfig') }
  await writeFile(env.HOLDFAST_KUBECONFIG, sandbox.kubeconfig)
  const nothing = /^$/
  t.match(await runProcess(['snapshot'], env), { code: 0, stdout: /\nkind: Snapshot\n/, stderr: nothing })
  const evict = ['evict', 'node-1', '--unguarded', '--timeout', '1ms']
  t.match(await runProcess(evict, env), { code: 1, stdout: nothing, stderr: /The time is up/ })
  const plan = ['plan', 'node-1', '--batch-size', '0']
  t.match(await runProcess(plan, env), { code: 2, stdout: nothing, stderr: /at least 1/ })
  if (!thorough) return
  const certs = ['certs', '--dir', join(folder, 'certs'), '--dns', 'localhost']
  t.match(await runProcess(certs, env), { code: 0, stdout: /valid until/, stderr: nothing })
  t.match(await runProcess(['doctor', '--help'], env), { code: 0, stdout: /--target/, stderr: nothing })
})

t.test('a process ends quietly if the reader of its output is gone', async (t) => {
  const completion = startProcess(['completion', 'bash'])
  completion.stdout.destroy()
  t.equal(await text(completion.stderr), '')
  t.equal(await completion.exit, 0)
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
