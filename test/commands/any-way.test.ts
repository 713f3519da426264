import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { announcedReplicas } from '../../src/commands/guard/announced-address.ts'
import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { type Certificate, certificateFor } from '../fixtures/certificates.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { thorough } from '../fixtures/thorough.ts'
import { timeless } from '../fixtures/timeless.ts'
import { httpProxy, socksProxy } from '../kubernetes/witness.ts'
import { podList } from './forwarded-pods.ts'
import { logOf, run, start } from './holdfast.ts'
import { front } from './in-front.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((each) =>
  each?.some(({ address }) => address === '::1'),
)

/** As Rancher names the clusters behind it. */
const rancher = '/k8s/clusters/c-m-x7k2'

/** A way to an API server. */
interface Way {
  readonly host?: string
  readonly prefix?: string
  readonly isSecure?: boolean
  /** The kubeconfig's fields about the server, besides its address on 127.0.0.1. */
  readonly address?: string
  readonly proxy?: 'http' | 'socks'
  /** The place that names the proxy. */
  readonly by?: 'kubeconfig' | 'environment'
  readonly skip?: string | false
}

const withoutIPv6 = hasIPv6 ? false : 'this machine has no IPv6'
// Names under .example lead nowhere: only a proxy can take a command there.
const far = { address: 'api.example', isSecure: true } as const

const ways: Readonly<Record<string, Way>> = {
  'IPv6 alone': { host: '::1', address: '[::1]', skip: withoutIPv6 },
  'IPv6 alone, over TLS': { host: '::1', address: '[::1]', isSecure: true, skip: withoutIPv6 },
  'a path before its own': { prefix: rancher },
  'a path before its own, over TLS': { prefix: rancher, isSecure: true },
  'a path before its own on IPv6': {
    host: '::1',
    address: '[::1]',
    prefix: rancher,
    isSecure: true,
    skip: withoutIPv6,
  },
  HTTPS_PROXY: { ...far, proxy: 'http', by: 'environment' },
  HTTP_PROXY: { address: 'api.example', proxy: 'http', by: 'environment' },
  'a proxy-url': { ...far, proxy: 'http', by: 'kubeconfig' },
  'a proxy of SOCKS 5': { ...far, proxy: 'socks', by: 'kubeconfig' },
  'a proxy before a path': { ...far, prefix: rancher, proxy: 'http', by: 'environment' },
}

/** Commands, and what has to be in what they print. */
const commands: readonly (readonly [readonly string[], number, RegExp])[] = [
  [['status', '-o', 'json'], 0, /"node-1"[^]*"guard": \[\n/],
  [['snapshot', '-o', 'json'], 0, /"kind": "Snapshot"[^]*"node-1"/],
  [['plan', 'node-1'], 0, /Batch 1: node-1/],
  [['evict', 'node-1', '--dry-run'], 0, /Nothing was written: this is a dry run/],
  [['evict', 'node-2', '--disk', 'disk-2'], 0, /node-2/],
  [['rescue'], 0, /No manager is in danger/],
  [['check', 'nodes/node-1', '--patch', '{"spec":{"tags":["a"]}}'], 0, /^admitted/],
  [['audit', '-o', 'json'], 0, /"last-usable-copy"/],
  [['doctor', '-o', 'json'], 2, /"check": "dry-run",\n *"level": "ok"/],
]

/** The commands that take a way: all in the thorough tests, else three, so that each takes several of the ways. */
function commandsOn(way: number): typeof commands {
  if (thorough) return commands
  // The first asks the replicas too.
  return [...new Set([0, 1 + ((2 * way) % 7), 1 + ((2 * way + 1) % 7)])]
    .map((at) => commands[at])
    .filter((each) => each !== undefined)
}

/** A guarded cluster; its guard has one denial on record. */
async function guarded(t: Test) {
  const sandbox = await embeddedCluster(t, {
    release: 'v1.9.2',
    images: 1,
    longhorn: { drainMs: 50, syncMs: 50 },
  })
  const { signal } = new AbortController()
  const guard = await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, signal)
  t.teardown(() => guard.stop())
  const path = `${sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages/ubuntu-22.04`
  const denied = await fetch(`${path}?dryRun=All`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ spec: { diskFileSpecMap: null } }),
  })
  t.equal(denied.status, 403)
  const connection = connectTo(sandbox.api.url)
  const [address = ''] = await announcedReplicas(connection, 'holdfast', signal)
  connection.close()
  return { url: sandbox.api.url, operatorPort: Number(new URL(address).port) }
}

/** Lays a way to the cluster. @returns how to give it to a command, and what was asked on it */
async function laid(
  t: Test,
  { url, operatorPort }: Awaited<ReturnType<typeof guarded>>,
  { cert, key }: Certificate,
  way: Way,
) {
  const { host = '127.0.0.1', prefix = '', isSecure = false, address = '127.0.0.1', proxy, by } = way
  const pods = podList(1)
  const answers = (method: string, path: string) =>
    method === 'GET' && path === '/api/v1/namespaces/holdfast/pods' ? ([200, pods] as const) : undefined
  const tls = isSecure ? { tls: { cert, key } } : {}
  const { port, asked } = await front(t, url, answers, { podPorts: [operatorPort], host, prefix, ...tls })
  const seen = proxy === 'socks' ? await socksProxy(t) : proxy === 'http' ? await httpProxy(t) : undefined
  const proxyUrl = seen && `${proxy === 'socks' ? 'socks5' : 'http'}://127.0.0.1:${seen.port}`
  const cluster = {
    server: `${isSecure ? 'https' : 'http'}://${address}:${port}${prefix}`,
    ...(isSecure && {
      'certificate-authority-data': Buffer.from(cert).toString('base64'),
      'tls-server-name': 'api.example',
    }),
    ...(by === 'kubeconfig' && { 'proxy-url': proxyUrl }),
  }
  const entry = { name: 'x', cluster, user: {}, context: { cluster: 'x', user: 'x' } }
  const config = { 'current-context': 'x', contexts: [entry], clusters: [entry], users: [entry] }
  const path = join(t.testdir(), 'kubeconfig')
  await writeFile(path, JSON.stringify(config))
  const env: Record<string, string> =
    by === 'environment' && proxyUrl !== undefined ? { HTTPS_PROXY: proxyUrl, HTTP_PROXY: proxyUrl } : {}
  return { env: { KUBECONFIG: path, ...env }, asked, seen }
}

t.test('every command finds the cluster and its guard on any way', async (t) => {
  const cluster = await guarded(t)
  const certificate = await certificateFor('api.example')
  for (const [at, [name, way]] of Object.entries(ways).entries())
    await t.test(name, { skip: way.skip ?? false }, async (t) => {
      const { env, asked, seen } = await laid(t, cluster, certificate, way)
      for (const [command, code, text] of commandsOn(at)) {
        const what = command.join(' ')
        const { code: its, stdout, stderr } = await run(command, env)
        t.equal(its, code, `${what}: ${timeless(stdout + stderr)}`)
        t.match(stdout + stderr, text, what)
        t.notMatch(stderr, /not shown|cannot be asked|could not be|Cannot reach/, what)
      }
      t.ok(asked.length > 0)
      t.ok(
        asked.every((target) => target.startsWith(`${way.prefix ?? ''}/`)),
        'with its path',
      )
      t.ok(
        asked.some((target) => target.includes('/portforward')),
        'the replicas were asked too',
      )
      t.equal(seen === undefined, way.proxy === undefined)
      if (seen) t.ok(seen.asked.length > 0)
    })
})

t.test('the proxy before the Kubernetes API takes any way too', async (t) => {
  const cluster = await guarded(t)
  const certificate = await certificateFor('api.example')
  for (const [name, way] of Object.entries(ways))
    await t.test(name, { skip: way.skip ?? false }, async (t) => {
      const { env } = await laid(t, cluster, certificate, way)
      const running = start(['proxy', 'kubernetes', '--listen', '127.0.0.1:0'], env)
      t.teardown(running.end)
      const log = logOf(running)
      const { port } = await log('listening')
      await log('every Longhorn object is read')
      const nodes = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes'
      const listed = await fetch(`http://127.0.0.1:${String(port)}${nodes}`)
      t.match(await listed.json(), { items: [{ metadata: { name: 'node-1' } }] })
      const tagged = await fetch(`http://127.0.0.1:${String(port)}${nodes}/node-1`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec: { allowScheduling: false, evictionRequested: true } }),
      })
      t.equal(tagged.status, 200, `a write is judged, and passed on: ${await tagged.text()}`)
      await (
        await fetch(`http://127.0.0.1:${String(port)}${nodes}/node-1`, {
          method: 'PATCH',
          headers: { 'content-type': 'application/merge-patch+json' },
          body: JSON.stringify({ spec: { evictionRequested: false } }),
        })
      ).arrayBuffer()
    })
})
