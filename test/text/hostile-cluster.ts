import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { ApiError, type ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../../src/server/proxy-server.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { run } from '../commands/holdfast.ts'
import { idle } from '../doors/proxy/sandboxed.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { edit } from '../fixtures/edit.ts'

const { signal } = new AbortController()
const nodes = { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }
const images = { ...nodes, plural: 'backingimages' }
const events = { group: '', version: 'v1', plural: 'events' }
const webhooks = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}

/** Texts that are printed, sent or stored, with their sources. */
export type Said = [from: string, text: string][]

/**
 * An embedded cluster in which the first disk of node-1 has the given name and a clean-up is pending on it, with the
 * webhook and both proxies around it. Each door refuses an eviction to somebody of that name, and grants an exception for a
 * reason that reads the same.
 *
 * @returns what every door, command, Event, record and log line says of that
 */
export async function saidOf(t: Test, name: string): Promise<Said> {
  const longhorn = { drainMs: 600_000, ...idle }
  const quiet = { report: () => undefined, longhornWebhook: false }
  const options = { port: 0, release: 'v1.8.0', nodes: 2, images: 1, longhorn, ...quiet }
  const sandbox = await Sandbox.start(options)
  try {
    await nameDisk(sandbox, name)
    const said = await saidAround(t, sandbox, name)
    for (const event of await sandbox.client.list(events, sandbox.namespace)) {
      said.push(['Event', String(event.message)])
    }
    return said
  } finally {
    await sandbox.stop()
  }
}

/** The texts of all sources but Events, which are written by the time this resolves. */
async function saidAround(t: Test, sandbox: Sandbox, name: string): Promise<Said> {
  const said: Said = []
  const ends: (() => unknown)[] = []
  try {
    const folder = t.testdir()
    const auditFile = join(folder, 'audit.log')
    const log = createLog('debug', { write: (line) => void said.push(['log', line]) })
    const [settings, proxied] = ['on', 'off'].map((auditLog) =>
      configure([
        {
          ...{
            host: '127.0.0.1',
            port: 0,
            healthPort: 0,
            operatorPort: 0,
            linger: '0s',
            settle: '0s',
            hold: '0s',
          },
          ...(auditLog === 'on' ? { auditLog, auditFile } : { auditLog: 'off' }),
        },
      ]),
    )
    if (!settings || !proxied) throw new Error('two configurations were made')
    const tls = await certificateFor('localhost')
    const guard = new Guard(settings, { connection: connectTo(sandbox.api.url), tls, log })
    ends.push(() => guard.stop())
    const { port, healthPort, operatorPort } = await guard.start()
    await guard.whenSynced(signal)

    /** A proxy before one of the two APIs. @returns its URL */
    const proxy = async (of: ProxyOf): Promise<string> => {
      const server = new URL(of.api === 'longhorn' ? sandbox.rest.url : sandbox.api.url)
      const agent = agentFor(server)
      const made = new ProxyGuard(
        proxied,
        { host: '127.0.0.1', port: 0, tls: undefined, drainMs: 0, ...of },
        {
          connection: connectTo(sandbox.api.url),
          upstream: { server, host: server.host, options: () => ({ agent }) },
          log,
        },
      )
      ends.push(async () => {
        agent.destroy()
        await made.stop()
      })
      const ports = await made.start()
      await made.whenSynced(signal)
      return `http://127.0.0.1:${ports.port}`
    }
    const ask = async (from: string, url: string, init: RequestInit): Promise<void> => {
      const answer = await fetch(url, init)
      const text = await answer.text()
      // The proxy forwards answers of the upstream unchanged.
      if (!answer.ok || init.method === undefined) said.push([from, text])
      said.push([from, answer.headers.get('warning') ?? ''])
    }
    const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/node-1'
    const raise = { spec: { allowScheduling: false, evictionRequested: true } }
    const excused = { ...raise, metadata: { annotations: { 'holdfast.dev/override': name } } }
    const headers = { 'content-type': 'application/merge-patch+json' }
    const kubernetes = (await proxy({ api: 'kubernetes', localOnly: true })) + path
    for (const body of [raise, excused]) {
      const init = { method: 'PATCH', headers, body: JSON.stringify(body) }
      await ask('Kubernetes proxy', `${kubernetes}?dryRun=All`, init)
    }
    const rest = await proxy({ api: 'longhorn', userHeader: 'x-user' })
    const user = name.replaceAll(/[^\x20-\x7e\x80-\xff]/g, '')
    await ask('Longhorn proxy', `${rest}/v1/nodes/node-1`, {
      method: 'PUT',
      headers: { 'x-user': `ann ${user}` },
      body: JSON.stringify(raise.spec),
    })

    const url = `https://127.0.0.1:${port}/validate`
    await sandbox.client.create(webhooks, registration({ url, authorityCert: tls.cert, timeoutSeconds: 10 }))
    const client = sandbox.api.client({ username: name, groups: [name] })
    const first = { namespace: sandbox.namespace, name: 'node-1' }
    const evicted = (node: ClusterObject) => ({ ...node, spec: { ...(node.spec as object), ...raise.spec } })
    said.push(['webhook', await denialOf(edit(client, nodes, first, evicted))])
    const annotations = { 'holdfast.dev/override': name }
    await edit(client, nodes, first, (node) => ({
      ...evicted(node),
      metadata: { ...node.metadata, annotations },
    }))

    const kubeconfig = join(folder, 'kubeconfig')
    await writeFile(kubeconfig, sandbox.kubeconfig)
    const operator = `http://127.0.0.1:${operatorPort}`
    for (const path of ['/audit', '/status']) await ask(`operator ${path}`, operator + path, {})
    await ask('metrics', `http://127.0.0.1:${healthPort}/metrics`, {})
    const patch = JSON.stringify({ spec: { disks: { [name]: { evictionRequested: true } } } })
    for (const args of commands(name, { patch, operator, auditFile })) {
      const clusterFlags = args[0] === 'audit' ? [] : ['--kubeconfig', kubeconfig]
      const { stdout, stderr } = await run([...args, ...clusterFlags], {})
      said.push([args.join(' '), stdout], [`${args.join(' ')} (error)`, stderr])
    }
    said.push(['audit file', await readFile(auditFile, 'utf8')])
    return said
  } finally {
    for (const end of ends) await end()
  }
}

/** All that a person or a program reads of such a cluster. */
function commands(
  name: string,
  {
    patch,
    operator,
    auditFile,
  }: { readonly patch: string; readonly operator: string; readonly auditFile: string },
): readonly (readonly string[])[] {
  const outputs = (args: readonly string[], formats: readonly string[]) =>
    formats.map((format) => [...args, '-o', format])
  return [
    ['status'],
    ...outputs(['status'], ['wide', 'json', 'yaml']),
    ['status', name],
    ...outputs(['check', 'nodes/node-1', '--patch', patch], ['text', 'json', 'yaml', 'junit']),
    ['check', `nodes/${name}`, '--patch', patch],
    ...outputs(['plan', 'node-1'], ['text', 'json', 'yaml']),
    ['plan', name],
    ['doctor'],
    ...outputs(['doctor'], ['json', 'yaml']),
    ['evict', 'node-1', '--disk', name, '--dry-run'],
    ...outputs(['evict', 'node-1', '--disk', name, '--dry-run'], ['json', 'yaml']),
    ['evict', name, '--dry-run'],
    ['rescue', '--dry-run'],
    ...outputs(['rescue', '--dry-run'], ['json', 'yaml']),
    ['rescue', name],
    ['audit', '--address', operator],
    ['audit', '--address', operator, '--summary'],
    ...outputs(['audit', auditFile], ['wide', 'json', 'yaml']),
    ['snapshot'],
    [name],
  ]
}

/** Calls the first disk of node-1 so; it stays the same disk. A clean-up is pending on it from then on. */
async function nameDisk(sandbox: Sandbox, name: string): Promise<void> {
  const { client, namespace } = sandbox
  const node = await stored(sandbox, 'node-1')
  const renamed = (disks: unknown): object =>
    Object.fromEntries(
      Object.entries(disks as object).map(([key, value]: [string, unknown]) => [
        key === 'disk-1' ? name : key,
        value,
      ]),
    )
  const { spec, status } = node as unknown as { spec: { disks: object }; status: { diskStatus: object } }
  const updated = await client.update(nodes, { ...node, spec: { ...spec, disks: renamed(spec.disks) } })
  await client.updateStatus(nodes, {
    ...updated,
    status: { ...status, diskStatus: renamed(status.diskStatus) },
  })
  const image = await client.get(images, namespace, 'ubuntu-22.04')
  if (!image) throw new Error('there is no image')
  const diskFileSpecMap = { ...(image.spec as { diskFileSpecMap: object }).diskFileSpecMap }
  Reflect.deleteProperty(diskFileSpecMap, sandbox.cluster.uuidOf('node-1/disk-1'))
  await client.update(images, { ...image, spec: { ...(image.spec as object), diskFileSpecMap } })
}

async function stored({ client, namespace }: Sandbox, name: string): Promise<ClusterObject> {
  const node = await client.get(nodes, namespace, name)
  if (!node) throw new Error(`there is no node ${name}`)
  return node
}

/** @throws Error if it was not denied */
async function denialOf(writing: Promise<unknown>): Promise<string> {
  try {
    await writing
  } catch (error) {
    if (error instanceof ApiError) return error.message
    throw error
  }
  throw new Error('it was admitted')
}
