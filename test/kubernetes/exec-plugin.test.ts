import { existsSync } from 'node:fs'
import { chmod, readFile } from 'node:fs/promises'
import path from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { connect, type Connection } from '../../src/kubernetes/client/connection.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { witness } from './witness.ts'

const { signal } = new AbortController()
const secret = 'hunter2-very-secret'

/** A plugin that counts how often it was run, and gives that many tokens. */
const counting = `#!/bin/sh
n=$(cat "$(dirname "$0")/n"); n=$((n + 1)); echo $n > "$(dirname "$0")/n"
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{%s"token":"%s"}}' "$1" "\${2:-token-$n}"
`

/** A cluster whose user has a plugin in the folder of the kubeconfig. */
async function clusterWith(t: Test, exec: object, script = counting, isInteractive = false) {
  const { cert, key } = await certificateFor()
  const { port, seen } = await witness(t, { cert, key })
  const cluster = {
    server: `https://127.0.0.1:${port}`,
    'certificate-authority-data': Buffer.from(cert).toString('base64'),
  }
  const version = { apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never' }
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    clusters: [{ name: 'x', cluster }],
    users: [{ name: 'x', user: { exec: { ...version, command: './plugin.sh', ...exec } } }],
  }
  const folder = t.testdir({ 'plugin.sh': script, n: '0', config: JSON.stringify(config) })
  await chmod(path.join(folder, 'plugin.sh'), 0o755)
  const clock = new FakeClock()
  const { PATH = '' } = process.env
  const environment = { PATH }
  const connected = async (): Promise<Connection> => {
    const connection = await connect({
      kubeconfig: path.join(folder, 'config'),
      environment,
      clock,
      isInteractive,
    })
    t.teardown(() => connection.close())
    return connection
  }
  const runs = async (): Promise<number> => Number(await readFile(path.join(folder, 'n'), 'utf8'))
  return { connected, runs, seen, clock, folder }
}

async function get(connection: Connection): Promise<number> {
  const response = await connection.request({ method: 'GET', path: '/version', signal })
  await response.text()
  return response.status
}

t.test('credentials of a plugin without an expiry are kept, by all connections of a command', async (t) => {
  const { connected, runs, seen } = await clusterWith(t, {})
  const [one, other] = [await connected(), await connected()]
  await Promise.all([get(one), get(one), get(other)])
  await get(other)
  t.equal(await runs(), 1)
  t.strictSame([...new Set(seen.map(({ authorization }) => authorization))], ['Bearer token-1'])
})

t.test('a plugin is asked again once its credentials have expired', async (t) => {
  const clock = new FakeClock()
  const expiry = new Date(clock.now() + 60_000).toISOString()
  const given = await clusterWith(t, { args: [`"expirationTimestamp":"${expiry}",`] })
  const connection = await given.connected()
  await get(connection)
  given.clock.advance(59_999)
  await get(connection)
  t.equal(await given.runs(), 1)
  given.clock.advance(1)
  await get(connection)
  t.equal(await given.runs(), 2)
})

t.test('a plugin is asked again once its credentials were rejected', async (t) => {
  const { connected, runs } = await clusterWith(t, { args: ['', 'refused'] })
  const connection = await connected()
  t.equal(await get(connection), 401)
  t.equal(await runs(), 1)
  t.equal(await get(connection), 401)
  t.equal(await runs(), 2)
})

/** The error of a connection. */
async function failureOf(t: Test, exec: object, script?: string): Promise<Error> {
  const { connected } = await clusterWith(t, exec, script)
  const failure: unknown = await get(await connected()).catch((error: unknown) => error)
  if (!(failure instanceof Error)) throw new Error('it did not fail')
  t.match(failure, { name: 'ConnectionFailure', kind: 'credentials' })
  t.notMatch(inspect(failure), secret.slice(0, 7), 'the error contains nothing that the plugin printed')
  return failure
}

t.test('a plugin without credentials is named, without its output', async (t) => {
  const prints = (text: string) => `#!/bin/sh\nprintf '%s' '${text}'\n`
  const cases: Readonly<Record<string, readonly [script: string, message: RegExp]>> = {
    fails: [`#!/bin/sh\necho ${secret} >&2; exit 3\n`, /plugin\.sh failed \(exit code 3\)\..*run it to see/],
    'is killed': ['#!/bin/sh\nkill -9 $$\n', /plugin\.sh failed \(SIGKILL\)/],
    'gives no JSON': [prints(secret), /plugin\.sh printed no ExecCredential in JSON/],
    'gives no credential': [prints(`{"token":"${secret}"}`), /it has neither a token nor a certificate/],
    'gives a certificate alone': [
      prints(`{"status":{"clientCertificateData":"${secret}"}}`),
      /it has a certificate or a key, not both/,
    ],
    'gives another version': [
      prints(`{"apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"${secret}"}}`),
      /it is not of version client\.authentication\.k8s\.io\/v1,/,
    ],
    'gives no time': [
      prints(`{"status":{"token":"${secret}","expirationTimestamp":"soon"}}`),
      /its expirationTimestamp is not a time/,
    ],
    'gives too much': ['#!/bin/sh\nyes\n', /printed more than any ExecCredential has/],
  }
  for (const [name, [script, message]] of Object.entries(cases)) {
    t.match((await failureOf(t, {}, script)).message, message, name)
  }
})

t.test('a missing plugin is an error with its install hint', async (t) => {
  const installHint = 'Get it from https://plugin.example'
  const onPath = await failureOf(t, { command: 'no-such-plugin', installHint })
  t.match(onPath.message, /exec plugin no-such-plugin is not installed: it is not on the PATH/)
  t.match(onPath.message, `\n\n${installHint}`)
  t.match((await failureOf(t, { command: './none' })).message, /none is not installed: there is no such file/)
})

t.test('a plugin that wants a person to answer is not run', async (t) => {
  t.match((await failureOf(t, { interactiveMode: 'Always' })).message, /interactiveMode: Always/)
})

t.test('a plugin may ask something of a person on a terminal, unless it never does', async (t) => {
  const problem =
    '#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"\nprintf %s \'{"status":{"token":"t"}}\'\n'
  for (const [interactiveMode, isInteractive, interactive] of [
    ['Never', true, false],
    ['IfAvailable', true, true],
    ['IfAvailable', false, false],
    ['Always', true, true],
  ] as const) {
    const { connected, folder } = await clusterWith(t, { interactiveMode }, problem, isInteractive)
    await get(await connected())
    t.match(
      JSON.parse(await readFile(path.join(folder, 'info'), 'utf8')),
      { spec: { interactive } },
      interactiveMode,
    )
  }
})

t.test('a plugin without output is ended after 30 s, with the processes it has started', async (t) => {
  const { connected, clock, folder } = await clusterWith(
    t,
    {},
    '#!/bin/sh\necho > "$(dirname "$0")/began"\nsleep 600\n',
  )
  const failing = t.rejects(get(await connected()), { message: /printed no credentials within 30 s/ })
  const began = path.join(folder, 'began')
  await eventually(() => existsSync(began))
  clock.advance(30_000)
  await failing
})
