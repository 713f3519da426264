import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { certificateFor } from '../fixtures/certificates.ts'
import { type Ended, run } from './holdfast.ts'

/** It could not run, says why in these words, and in none of Node's, of a library or of a stack. */
function reports(t: Test, { code, stdout, stderr }: Ended, words: RegExp, what: string): void {
  t.equal(code, 2, what)
  t.match(stderr, words, what)
  t.notMatch(
    stdout + stderr,
    /routines|socket hang up|no such file or directory|illegal operation|getaddrinfo/,
    what,
  )
  t.notMatch(stdout + stderr, /Error: |\n\s+at |fetch failed|NOT have|must be <=|connect E|altnames/, what)
}

async function listening(t: Test, server: Server & { closeAllConnections(): void }): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function servers(t: Test) {
  const answer: http.RequestListener = (_, response) => response.end('{}')
  const { key, cert } = await certificateFor('other.example')
  const away = { location: 'https://login.example.com/' }
  const page = '<!DOCTYPE html><html><body>Sign in</body></html>'
  return {
    http: await listening(t, http.createServer(answer)),
    https: await listening(t, https.createServer({ key, cert }, answer)),
    away: await listening(
      t,
      http.createServer((_, response) => response.writeHead(302, away).end()),
    ),
    page: await listening(
      t,
      http.createServer((_, response) => response.end(page)),
    ),
    gatePage: await listening(
      t,
      http.createServer((_, response) => response.writeHead(502).end(page)),
    ),
  }
}

function kubeconfigOf(server: string, cluster: object = {}): string {
  const entry = { name: 'x', cluster: { server, ...cluster }, user: {}, context: { cluster: 'x', user: 'x' } }
  return JSON.stringify({ 'current-context': 'x', contexts: [entry], clusters: [entry], users: [entry] })
}

t.test('a server with another protocol than its address is an error in plain words', async (t) => {
  const ports = await servers(t)
  const folder = t.testdir()
  const cases = [
    [
      `https://127.0.0.1:${ports.http}`,
      /it does not speak TLS\. If it speaks http, its address begins with http:/,
    ],
    [`http://127.0.0.1:${ports.https}`, /If it speaks https, the server of the cluster .* begin with https:/],
    [`https://127.0.0.1:${ports.https}`, /this machine does not trust .*check certificate-authority/],
    [`http://127.0.0.1:${ports.away}`, /answered 302 Found .*A login page or a proxy answers there/],
    [
      `http://127.0.0.1:${ports.page}`,
      /is not valid JSON: <!DOCTYPE .*\. A login page or a proxy answers there/,
    ],
    [`http://127.0.0.1:${ports.gatePage}`, /answered 502 .*<!DOCTYPE .*\. A login page or a proxy/],
    ['http://127.0.0.1:1', /the connection was refused, so no program listens there .*Check the address/],
  ] as const
  for (const [server, words] of cases) {
    const path = join(folder, 'kubeconfig')
    await writeFile(path, kubeconfigOf(server))
    for (const command of [['status'], ['snapshot']])
      reports(t, await run([...command, '--kubeconfig', path]), words, `${command.join(' ')} of ${server}`)
  }
})

t.test('an address without a guard is an error in plain words', async (t) => {
  const ports = await servers(t)
  const cases = [
    [`https://127.0.0.1:${ports.http}`, /it does not speak TLS.*The operator API of a guard speaks http/],
    [`http://127.0.0.1:${ports.https}`, /the connection was closed before an answer came/],
    [`http://127.0.0.1:${ports.away}`, /is not the operator port of a guard: it answered 302/],
    [`http://127.0.0.1:${ports.page}`, /is not the operator port of a guard: it answered 200/],
  ] as const
  for (const [address, words] of cases) reports(t, await run(['audit', '--address', address]), words, address)
})

t.test('an unreadable file is an error in plain words, for every option that takes one', async (t) => {
  const { http: port } = await servers(t)
  const folder = t.testdir()
  const path = (name: string) => join(folder, name)
  await writeFile(path('kubeconfig'), kubeconfigOf(`http://127.0.0.1:${port}`))
  await writeFile(path('file'), 'x')
  await mkdir(path('folder'))
  const at = ['--kubeconfig', path('kubeconfig')]
  const found = [
    ['missing', /missing\b.*it does not exist \(ENOENT\)/],
    ['file/below', /file\/below\b.*a part of its path is a file, and a folder is needed \(ENOTDIR\)/],
    ['folder', /folder\b.*it is a folder, and a file is needed/],
  ] as const
  for (const [name, words] of found) {
    const file = path(name)
    const commands = [
      ['status', '--kubeconfig', file],
      ['check', 'nodes/node-1', '-p', `@${file}`, ...at],
      ['check', '-f', path('file'), '--config', file, ...at],
      ['audit', file],
      ['serve', '--config', file, ...at],
      ['serve', '--client-ca', file, '--health-port', '0', ...at],
      ...(name === 'folder' ? [] : [['check', '-f', file, ...at]]),
      ...(name === 'file/below' ? [['certs', '--dir', file, '--dns', 'localhost']] : []),
    ]
    for (const command of commands) reports(t, await run(command), words, command.join(' '))
  }
})

t.test('an empty value is an error, for every option', async (t) => {
  const cases = [
    [['status', '--kubeconfig', ''], '--kubeconfig'],
    [['status', '--context', ''], '--context'],
    [['check', '-f', 'x', '-f', ''], '--filename'],
    [['check', '-f', 'x', '--rule', ''], '--rule'],
    [['audit', ''], 'argument source'],
    [['certs', '--dir', '', '--dns', 'x'], '--dir'],
    [['serve', '--tls-cert', ''], '--tls-cert'],
    [['evict', ''], 'argument node'],
    [['plan', 'node-1', ''], 'argument node'],
    [['rescue', 'node-1', ''], 'argument node'],
    [['proxy', 'point-ui', 'http://x', '--deployment', ''], '--deployment'],
  ] as const
  for (const [args, what] of cases)
    reports(t, await run(args), new RegExp(`^holdfast: ${what}: the value is empty`), args.join(' '))
})

t.test('an unknown name or number is an error that lists the known ones', async (t) => {
  const cases = [
    [
      ['check', '-f', 'x', '--rule', 'nonsense=off'],
      /there is no rule "nonsense".*copy-in-use.*eviction-budget/,
    ],
    [
      ['check', '-f', 'x', '--rule', 'copy-in-us=off'],
      /there is no rule "copy-in-us"; did you mean "copy-in-use"\?/,
    ],
    [
      ['check', '-f', 'x', '--rule', 'copy-in-use'],
      /copy-in-use needs a mode: copy-in-use=enforce, .*warn.*off/,
    ],
    [['serve', '--port', '99999'], /--port: 99999 must be a port, 0 to 65535/],
    [['serve', '--port', 'abc'], /--port: "abc" must be a port, 0 to 65535/],
    [['serve', '--port', '-1'], /--port: "-1" must be a port, 0 to 65535/],
    [['proxy', 'kubernetes', '--listen', '127.0.0.1:99999'], /a port of at most 65535/],
    [['status', '--operator-port', '99999'], /must be a port, 1 to 65535/],
  ] as const
  for (const [args, words] of cases) reports(t, await run(args), words, args.join(' '))
})
