import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { certificateFor } from '../fixtures/certificates.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { run, start } from './holdfast.ts'
import { inFront, type Answers } from './in-front.ts'

const places = ['--health-port', '0', '--operator-port', '0']
const named = ['--namespace', 'guards']

/** Every command that asks an API server, in each way that asks something else first. */
const commands: readonly (readonly string[])[] = [
  ['status'],
  ['status', ...named],
  ['status', '--watch'],
  ['doctor'],
  ['doctor', ...named],
  ['audit'],
  ['audit', '--follow', ...named],
  ['snapshot'],
  ['check', 'nodes/node-1', '--patch', '{}'],
  ['plan', 'node-1'],
  ['evict', 'node-1'],
  ['evict', 'node-1', '--dry-run', ...named],
  ['evict', 'node-1', '--unguarded'],
  ['rescue'],
  ['proxy', 'point-ui', 'http://holdfast-longhorn.holdfast:9500'],
  ['proxy', 'point-ui', 'http://longhorn-backend:9500', '--if-there'],
  ['serve', '--host', '127.0.0.1', '--port', '0', ...places],
  ['proxy', 'longhorn', '--upstream', 'http://127.0.0.1:1', '--listen', '127.0.0.1:0', ...places],
]

/** The server in the place of the API server. */
interface Stranger {
  readonly server: net.Server
  readonly scheme: 'http' | 'https'
  /** The expected message of each command. */
  readonly says: RegExp
}

const page = '<!doctype html><title>Sign in</title>\n'

const strangers: Readonly<Record<string, () => Promise<Stranger>>> = {
  'a server that accepts and never answers': () =>
    Promise.resolve({
      // It reads, so that it sees the end of a connection.
      server: net.createServer((socket) => void socket.resume()),
      scheme: 'http',
      says: /127\.0\.0\.1:\d+ did not answer GET \/\S+ within \d+ s/,
    }),
  'a server that closes each connection at once': () =>
    Promise.resolve({
      server: net.createServer((socket) => void socket.destroy()),
      scheme: 'http',
      says: /Cannot reach the API server at http:\/\/127\.0\.0\.1:\d+: /,
    }),
  'a page where JSON should be': () =>
    Promise.resolve({
      server: http.createServer((_, response) => void response.writeHead(200).end(page)),
      scheme: 'http',
      says: /is not valid JSON: <!doctype html>/,
    }),
  'a page with an error': () =>
    Promise.resolve({
      server: http.createServer((_, response) => void response.writeHead(502).end(page)),
      scheme: 'http',
      says: /The API server answered 502 Bad Gateway to GET \/\S+: <!doctype html>/,
    }),
  'a server with the certificate of another authority': async () => ({
    server: https.createServer(await certificateFor()),
    scheme: 'https',
    says: /Cannot reach the API server at .*Its certificate is not trusted/,
  }),
}

/** Starts one, and @returns a kubeconfig that takes it for the API server. */
async function kubeconfigOf(t: Test, { server, scheme }: Stranger): Promise<string> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { cert } = await certificateFor()
  const cluster = {
    server: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    'certificate-authority-data': Buffer.from(cert).toString('base64'),
  }
  const config = {
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x' } }],
    clusters: [{ name: 'x', cluster }],
  }
  const path = join(t.testdir(), 'kubeconfig')
  await writeFile(path, JSON.stringify(config))
  return path
}

/** Runs a command by a clock that moves on only while something is waited for. @returns how much time has passed too */
async function ended(args: readonly string[], isSilent: boolean) {
  const clock = new FakeClock()
  const running = start(args, {}, '', false, clock)
  const over = new AbortController()
  const exit = running.exit.finally(() => over.abort())
  const said = Promise.all([text(running.stdout), text(running.stderr)])
  const began = clock.monotonic()
  while (isSilent && !over.signal.aborted) {
    await turns()
    if (clock.pending > 0) clock.advance(1_000)
  }
  const [code, [stdout, stderr]] = await Promise.all([exit, said])
  return { code, stdout, stderr, tookMs: clock.monotonic() - began }
}

/** A command asks two or three things before it gives up, each of which may take half a minute. */
const longestMs = 100_000

for (const [what, stranger] of Object.entries(strangers)) {
  t.test(`${what} is told in a sentence, and in time`, async (t) => {
    const one = await stranger()
    const kubeconfig = await kubeconfigOf(t, one)
    const isSilent = what.includes('never answers')
    await Promise.all(
      commands.map(async (command) => {
        const name = command.join(' ')
        const { code, stdout, stderr, tookMs } = await ended(
          [...command, '--kubeconfig', kubeconfig],
          isSilent,
        )
        t.equal(code, 2, `${name}: ${stderr}`)
        t.match(stderr + stdout, one.says, name)
        t.notMatch(stderr + stdout, /\n {4}at /, `${name} prints no stack trace`)
        t.ok(tookMs <= longestMs, `${name} ends within its limit, not after ${tookMs} ms`)
      }),
    )
  })
}

t.test('a foreign answer in the middle of a command is reported in a sentence', async (t) => {
  const sandbox = await embeddedCluster(t, { release: 'v1.10.0' })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  const answers: Answers = (method) => (method === 'PATCH' ? [200, page] : undefined)
  await writeFile(kubeconfig, await inFront(t, sandbox.api.url, answers))
  const { code, stderr } = await run(['evict', 'node-2', '--unguarded', '--kubeconfig', kubeconfig])
  t.equal(code, 2)
  t.match(
    stderr,
    /holdfast: The answer to PATCH \/apis\/longhorn\.io\/\S+ is not valid JSON: <!doctype html>/,
  )
  t.notMatch(stderr, /\n {4}at /)
})
