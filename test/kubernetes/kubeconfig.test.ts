import { rm, writeFile } from 'node:fs/promises'
import type https from 'node:https'
import path from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { connect, type ConnectOptions } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { createLog } from '../../src/observability/log.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { echoServer } from './echo-server.ts'

const { signal } = new AbortController()

/** A kubeconfig with one context, cluster and user of the same name. */
function kubeconfig(name: string, server: string, user: object = {}, cluster: object = {}) {
  return {
    'current-context': name,
    contexts: [{ name, context: { cluster: name, user: name, namespace: `${name}-namespace` } }],
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user }],
  }
}

/** The same for a server of HTTPS: over plain HTTP no credentials are sent, as in kubectl. */
async function securely(t: Test, user: object = {}, tls: https.ServerOptions = {}) {
  const { cert, key } = await certificateFor()
  const { url } = await echoServer(t, { cert, key, ...tls })
  const cluster = { 'certificate-authority-data': Buffer.from(cert).toString('base64') }
  return { url, cert, key, config: (asked: object = user) => kubeconfig('x', url, asked, cluster) }
}

/** Writes files into a folder of their own; objects become JSON, which is YAML. */
function folderOf(t: Test, files: Record<string, unknown>): (name: string) => string {
  const contents = Object.entries(files).map(
    ([name, content]) => [name, typeof content === 'string' ? content : JSON.stringify(content)] as const,
  )
  const folder = t.testdir(Object.fromEntries(contents))
  return (name) => path.join(folder, name)
}

/** Connects, asks an echo server once, and returns the echo. */
async function ask(t: Test, options: ConnectOptions) {
  const connection = await connect({ environment: {}, ...options })
  t.teardown(() => connection.close())
  const echo = await jsonRequest(connection, { method: 'GET', path: '/hello', signal })
  return { connection, echo }
}

t.test('the sources of the configuration', (t) => {
  t.test('an explicit kubeconfig wins over all', async (t) => {
    const { url } = await echoServer(t)
    const file = folderOf(t, {
      named: kubeconfig('named', url),
      listed: kubeconfig('listed', 'http://no.example'),
    })
    const { connection } = await ask(t, {
      kubeconfig: file('named'),
      environment: { KUBECONFIG: file('listed') },
    })
    t.equal(connection.server, url)
    t.equal(connection.namespace, 'named-namespace')
  })

  t.test(
    'of several files in KUBECONFIG the first wins, for the current context and for each name',
    async (t) => {
      const { url, config } = await securely(t)
      const second = kubeconfig('x', 'http://never.example')
      const file = folderOf(t, {
        first: { ...config(), users: [] },
        second: {
          ...second,
          'current-context': 'another',
          users: [{ name: 'x', user: { token: 'from-second' } }],
        },
      })
      const KUBECONFIG = [file('missing'), file('first'), '', file('second')].join(path.delimiter)
      const { connection, echo } = await ask(t, { environment: { KUBECONFIG } })
      t.equal(connection.server, url)
      t.hasStrict(
        echo,
        { headers: { authorization: 'Bearer from-second' } },
        'the user comes from the second file, which alone defines it',
      )
    },
  )

  t.test('include the service account of a pod, over TLS with its authority', async (t) => {
    const { cert, key } = await certificateFor()
    const { url, port } = await echoServer(t, { cert, key })
    const file = folderOf(t, { 'ca.crt': cert, token: 'pod-token\n', namespace: 'holdfast\n', config: '' })
    const { connection, echo } = await ask(t, {
      serviceAccountFolder: path.dirname(file('token')),
      environment: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    })
    t.equal(connection.server, url)
    t.equal(connection.namespace, 'holdfast')
    t.hasStrict(echo, { headers: { authorization: 'Bearer pod-token' } }, 'the token has no newline')
  })

  t.test('at last it is the pod; one is passed over when a context is asked for', async (t) => {
    const home = t.testdir({ token: 'pod-token' })
    const environment = { HOME: home, KUBERNETES_SERVICE_HOST: '10.0.0.1' }
    await t.rejects(connect({ context: 'mine', serviceAccountFolder: home, environment }), {
      message: /it has no contexts, and one was asked for/,
    })
  })

  t.test('are all listed in the error if none exists', async (t) => {
    const home = t.testdir({})
    const options = { environment: { HOME: home }, serviceAccountFolder: '/nowhere' }
    await t.rejects(connect(options), {
      message: new RegExp(
        `explicit kubeconfig.*KUBECONFIG.*${home}/.kube/config \\(does not exist\\).*none in /nowhere`,
      ),
    })
    await t.rejects(connect({ environment: { KUBECONFIG: '/no/a:/no/b' } }), {
      message: /none of the files in KUBECONFIG exists \(\/no\/a, \/no\/b\)/,
    })
  })
  t.end()
})

t.test('a configuration that is wrong says so', async (t) => {
  const both = { 'certificate-authority': 'ca.crt', 'insecure-skip-tls-verify': true }
  const file = folderOf(t, {
    good: { ...kubeconfig('good', 'https://a.example'), contexts: kubeconfig('good', '').contexts },
    'not-yaml': 'a: [b\nc: "',
    'a-list': '[]',
    nameless: { clusters: [{ cluster: {} }] },
    contextless: {
      ...kubeconfig('x', 'https://a.example'),
      'current-context': undefined,
      contexts: undefined,
    },
    clusterless: { ...kubeconfig('x', 'https://a.example'), clusters: [] },
    userless: { ...kubeconfig('x', 'https://a.example'), users: [] },
    'no-url': kubeconfig('x', 'a.example/k8s'),
    'no-server': kubeconfig('x', ''),
    'odd-name': kubeconfig('x', 'https://ann:100%@a.example'),
    'odd-proxy': kubeconfig('x', 'https://a.example', {}, { 'proxy-url': 'http://ann:100%@p.example' }),
    'no-http': kubeconfig('x', 'ftp://a.example'),
    'both-ways': kubeconfig('x', 'https://a.example', {}, both),
    'no-text': kubeconfig('x', 'https://a.example', { token: 4711 }),
    'no-user': kubeconfig('x', 'https://a.example', { 'as-groups': ['admins'] }),
    'no-proxy': kubeconfig('x', 'https://a.example', {}, { 'proxy-url': 'ftp://a.example' }),
  })
  const cases: readonly (readonly [string, RegExp, string?])[] = [
    ['missing', /Cannot read the kubeconfig .*missing: it does not exist \(ENOENT\)/],
    ['not-yaml', /not-yaml is not a usable kubeconfig: line 2: it is indented wrongly/],
    ['a-list', /a-list is not a usable kubeconfig: it is not a mapping/],
    ['nameless', /nameless is not a usable kubeconfig: clusters\[0\]\.name is missing/],
    ['good', /good has no context "other"\. Known contexts: good\./, 'other'],
    ['contextless', /has no current-context. It defines no contexts/],
    ['clusterless', /context "x" is for cluster "x", which is not defined there/],
    ['userless', /context "x" is for user "x", which is not defined there/],
    ['no-url', /the server of cluster "x" is neither a URL/],
    ['odd-name', /the server of cluster "x" is neither a URL/],
    ['odd-proxy', /the proxy-url of cluster "x" must be a URL/],
    ['no-server', /cluster "x" has no server/],
    ['no-http', /the server of cluster "x" .* is neither HTTPS nor HTTP/],
    ['both-ways', /cluster "x" has both insecure-skip-tls-verify and a certificate-authority/],
    ['no-text', /users\[0\]\.user\.token is not a text; put it in quotes/],
    ['no-user', /no as with the user to impersonate/],
    ['no-proxy', /the proxy-url of cluster "x" must be a URL with the scheme http, https or socks5/],
  ]
  for (const [name, message, context] of cases) {
    const options = { kubeconfig: file(name), ...(context === undefined ? {} : { context }) }
    await t.rejects(connect(options), { message }, name)
  }
})

const secret = 'hunter2-very-secret'

function failureOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** Neither in its message nor in what a log shows of it. */
function notIn(t: Test, failure: Error | undefined, text: string): void {
  const lines: string[] = []
  createLog('info', { write: (line) => void lines.push(line) }).error({ err: failure }, 'failed')
  t.notMatch([...lines, failure?.message, inspect(failure)].join('\n'), text.slice(0, 7))
}

t.test('no word of a kubeconfig is in an error about it, only the line', async (t) => {
  const start = 'apiVersion: v1\nusers:\n  - name: ann\n    user:\n      '
  const broken = {
    reserved: `password: @${secret}`,
    colon: `token: eyJ.${secret}: oops`,
    alias: `password: *${secret}`,
    escape: `password: "${secret}\\q"`,
    block: `password: |${secret}`,
    quote: `password: '${secret}`,
    brackets: `password: [${secret}`,
  }
  const file = folderOf(t, {
    ...Object.fromEntries(Object.entries(broken).map(([name, line]) => [name, `${start}${line}\n`])),
    url: kubeconfig('x', `https//ann:${secret}@a.example`),
  })
  const warnings: string[] = []
  const note = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', note)
  t.teardown(() => process.off('warning', note))
  for (const name of [...Object.keys(broken), 'url']) {
    const failure = await connect({ kubeconfig: file(name) }).then(() => undefined, failureOf)
    t.match(
      failure?.message,
      name === 'url' ? /is neither a URL/ : /is not a usable kubeconfig: line [5-7]: [a-z]/,
      name,
    )
    notIn(t, failure, secret)
  }
  // Valid YAML that is rejected: a tag, a directive, and a key that is a list.
  const odd = `%${secret}\n---\na: !${secret} x\n? [${secret}]\n: b\n`
  await t.rejects(connect({ kubeconfig: folderOf(t, { odd })('odd') }))
  await turns()
  t.notMatch(warnings.join('\n'), secret)
})

t.test('the password in the URL of a server is in no error', async (t) => {
  const server = `http://ann:${secret}@127.0.0.1:1`
  const file = folderOf(t, { config: kubeconfig('x', server) })
  const connection = await connect({ kubeconfig: file('config') })
  t.equal(connection.server, 'http://127.0.0.1:1')
  const failure = await jsonRequest(connection, { method: 'GET', path: '/', signal }).then(
    () => undefined,
    failureOf,
  )
  t.match(failure?.message, /Cannot reach the API server at http:\/\/127\.0\.0\.1:1: /)
  notIn(t, failure, secret)
})

t.test('the user', (t) => {
  t.test('a token file wins over a token, and is found beside the kubeconfig', async (t) => {
    const { config } = await securely(t, { token: 'old', tokenFile: 'token' })
    const file = folderOf(t, { config: config(), token: 'fresh\n' })
    const { echo } = await ask(t, { kubeconfig: file('config') })
    t.hasStrict(echo, { headers: { authorization: 'Bearer fresh' } })
  })

  t.test('a token file is read again after ten seconds, and taken as it was while it is gone', async (t) => {
    const { config } = await securely(t, { tokenFile: 'token' })
    const file = folderOf(t, { config: config(), token: 'one' })
    const clock = new FakeClock()
    const connection = await connect({ kubeconfig: file('config'), clock })
    t.teardown(() => connection.close())
    const asked = async () => await jsonRequest(connection, { method: 'GET', path: '/', signal })
    t.match(await asked(), { headers: { authorization: 'Bearer one' } })
    await writeFile(file('token'), 'two')
    t.match(await asked(), { headers: { authorization: 'Bearer one' } })
    clock.advance(10_000)
    t.match(await asked(), { headers: { authorization: 'Bearer two' } })
    await rm(file('token'))
    clock.advance(10_000)
    t.match(await asked(), { headers: { authorization: 'Bearer two' } })
  })

  t.test('a user name with its password, and the user to impersonate', async (t) => {
    const { config } = await securely(t, { username: 'ada', password: 'secret', as: 'grace' })
    const { echo } = await ask(t, { kubeconfig: folderOf(t, { config: config() })('config') })
    t.hasStrict(echo, { headers: { authorization: `Basic ${Buffer.from('ada:secret').toString('base64')}` } })
    t.hasStrict(echo, { headers: { 'impersonate-user': 'grace' } })
  })

  t.test('no user, if the context names none', async (t) => {
    const { url } = await echoServer(t)
    const config = { ...kubeconfig('x', url), contexts: [{ name: 'x', context: { cluster: 'x' } }] }
    const { echo, connection } = await ask(t, { kubeconfig: folderOf(t, { config })('config') })
    t.notMatch(echo, { headers: { authorization: /./ } })
    t.equal(connection.namespace, undefined)
  })

  t.test('a client certificate, shown to a server with a trusted one', async (t) => {
    const { cert, key } = await certificateFor()
    const { url } = await echoServer(t, { cert, key, ca: cert, requestCert: true })
    const base64 = (pem: string) => Buffer.from(pem).toString('base64')
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }
    const config = kubeconfig('x', url, user, { 'certificate-authority-data': base64(cert) })
    const { echo } = await ask(t, { kubeconfig: folderOf(t, { config })('config') })
    t.hasStrict(echo, { authorized: true })
    for (const field of ['client-certificate', 'client-key', 'certificate-authority']) {
      const odd = { [`${field}-data`]: base64('no PEM') }
      const [name, trusted] = [field.startsWith('client'), { 'certificate-authority-data': base64(cert) }]
      const wrong = kubeconfig('x', url, { ...user, ...(name && odd) }, { ...trusted, ...(!name && odd) })
      const asked = ask(t, { kubeconfig: folderOf(t, { config: wrong })('config') })
      await t.rejects(asked, { kind: 'credentials', message: new RegExp(`the ${field} of .* is not PEM`) })
    }
  })

  t.end()
})
