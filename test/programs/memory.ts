import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import type { ClusterObject } from '../../src/sandbox/cluster-client.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import type { DiskName, SeedImage } from '../../src/sandbox/controllers/seed-objects.ts'
import { seed } from '../../src/sandbox/controllers/seed.ts'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import { logOf, startProgram } from '../commands/holdfast.ts'
import { containerLimitMiB } from '../fixtures/container-limit.ts'
import { imageStart } from '../fixtures/image-start.ts'
import { holdfast } from '../fixtures/main.ts'
import { memoryOf } from '../fixtures/process-memory.ts'
import { review } from '../doors/webhook/review-builder.ts'

// Run by `npm run test:memory -- NODES`: how much memory a guard takes at the design point (500 nodes with 10 disks, 1,000
// images with 20 copies, 5,000 replicas), at rest, while status changes, while 20 evictions read whole lists, and while 64
// changes are held. It fails above the limit of the chart.
const nodes = Number(process.argv[2] ?? 500)
const disksPerNode = 10
const [images, copies, replicas] = [nodes * 2, Math.min(20, nodes), nodes * 10]
const evictions = 20
const holds = Math.min(64, nodes - evictions)
const statusWrites = 5_000
const limit = containerLimitMiB()
/** Node's limit for old objects in a container of that size, in MiB: half of it. */
const heap = limit / 2
const namespace = 'longhorn-system'

const diskName = (node: number, disk: number): DiskName => `node-${(node % nodes) + 1}/disk-${disk + 1}`
const seedImages = Array.from({ length: images }, (_, image): SeedImage => ({
  name: `image-${image}`,
  // The copies of an image lie on nodes far apart, on the first disks; the last stays empty.
  copies: Array.from({ length: copies }, (_, copy) =>
    diskName(image + copy * Math.floor(nodes / copies), image % (disksPerNode - 1)),
  ),
  minNumberOfCopies: 1,
}))
const seedReplicas = Array.from({ length: replicas }, (_, at) => {
  const { name, copies } = seedImages[at % images] ?? { name: '', copies: [] }
  const disk = copies[Math.floor(at / images) % copies.length] ?? diskName(0, 0)
  return { volume: `pvc-${at}`, disk, image: name }
})

const folder = await mkdtemp(join(tmpdir(), 'holdfast-memory-'))
const path = (name: string): string => join(folder, name)
const api = await ApiServer.start({ port: 0 })
const client = api.client({ username: 'admin', groups: ['system:masters'] })
const clock = { now: Date.now }
const authority = await makeAuthority(clock)
const serving = await issueServing(authority, { dns: [], ips: ['127.0.0.1'] }, clock)
const agent = new Agent({ ca: authority.cert, keepAlive: true })
const cluster = await seed(client, Date.now(), {
  ...{ nodes, disksPerNode, release: 'v1.8.0', images: seedImages, replicas: seedReplicas },
})
await writeFile(path('kubeconfig'), kubeconfigFor(api.url, namespace))
await writeFile(path('tls.crt'), serving.cert)
await writeFile(path('tls.key'), serving.key)
const certificate = ['--tls-cert', path('tls.crt'), '--tls-key', path('tls.key')]
const ports = ['--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--operator-port', '0']
// Waiting changes are then admitted as soon as the clean-ups have ended.
const atOnce = ['--settle', '0s', '--settle-after-outage', '0s']
const { options, variables } = imageStart()
const guard = startProgram(
  process.execPath,
  [
    ...[...options, `--max-old-space-size=${heap}`, ...holdfast],
    ...['serve', '--kubeconfig', path('kubeconfig'), ...certificate, ...ports, ...atOnce],
  ],
  { ...variables, PATH: process.env.PATH ?? '', HOME: '/dev/null' },
  '',
)
const logged = logOf(guard)
const { port } = await logged('listening')
let most = 0
try {
  await logged('every Longhorn object is read')
  report('ready')
  const lists = await Promise.all(Array.from({ length: evictions }, (_, at) => evict(at)))
  report(`${evictions} evictions at once that read whole lists: ${countOf(lists)}`)
  for (let at = 0; at < statusWrites; at += 1) await touch(at)
  report(`${statusWrites} writes of status`)
  await held()
  await wait(2_000)
  report('after that')
} finally {
  await guard.end()
  agent.destroy()
  await api.stop()
  await rm(folder, { recursive: true, force: true })
}
console.log(`${most} MiB at most, of ${limit} MiB`)
process.exitCode = most > limit ? 1 : 0

/** Evictions of as many nodes, each held by a clean-up; all end with their clean-ups. */
async function held(): Promise<void> {
  const pending = seedImages.slice(evictions, evictions + holds)
  for (const image of pending) await change('BackingImage', image.name, false, withoutFirstCopy)
  const asked = pending.map((_, at) => evict(evictions + at))
  // The guard has to have heard of the last clean-up, and every review has to have come.
  await wait(3_000)
  report(`${holds} evictions held`)
  for (const image of pending) await change('BackingImage', image.name, true, asInSpec)
  report(`the same, answered: ${countOf(await Promise.all(asked))}`)
}

/** The resident memory of the guard, and the most since the report before, in MiB. */
function report(what: string): void {
  const [now, peak] = [Math.round(memoryOf(guard.pid)), Math.round(memoryOf(guard.pid, 'VmHWM'))]
  most = Math.max(most, peak)
  console.log(`${what}: ${now} MiB, ${peak} MiB at most so far`)
}

function countOf(answers: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1)
  return [...counts].map(([answer, count]) => `${count} ${answer}`).join(', ')
}

/** Asks to evict the last disk of a node, which is empty. @returns the decision in a word */
async function evict(node: number): Promise<string> {
  const name = `node-${node + 1}`
  const before = await client.get(resources.Node, namespace, name)
  if (!before) throw new Error(`${name} is gone`)
  const after = structuredClone(before) as { spec?: { disks?: Record<string, object> } }
  Object.assign(after.spec?.disks?.[`disk-${disksPerNode}`] ?? {}, { evictionRequested: true })
  const sent = request({
    ...{ host: '127.0.0.1', port: Number(port), agent, method: 'POST', path: '/validate?timeout=10s' },
    headers: { 'content-type': 'application/json' },
  })
  sent.end(JSON.stringify(review('Node', { before, after, name })))
  const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer>]
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return Buffer.concat(chunks).toString().includes('"allowed":true') ? 'admitted' : 'denied'
}

/** A change that makes a new version, as Longhorn's managers make one of a node every few seconds. */
async function touch(at: number): Promise<void> {
  const touched = (object: ClusterObject): ClusterObject => ({
    ...object,
    status: { ...(object.status as object), snapshotCheckStatus: { lastPeriodicCheckedAt: `${at}` } },
  })
  if (at % 5 > 0) await change('Node', `node-${(at % nodes) + 1}`, true, touched)
  else await change('BackingImage', `image-${at % images}`, true, touched)
}

async function change(
  kind: 'Node' | 'BackingImage',
  name: string,
  isStatus: boolean,
  make: (object: ClusterObject) => ClusterObject,
): Promise<void> {
  const object = await client.get(resources[kind], namespace, name)
  if (!object) throw new Error(`${name} is gone`)
  if (isStatus) await client.updateStatus(resources[kind], make(object))
  else await client.update(resources[kind], make(object))
}

function withoutFirstCopy(image: ClusterObject): ClusterObject {
  const spec = image.spec as { diskFileSpecMap: Record<string, object> }
  const [first] = seedImages.find(({ name }) => name === image.metadata.name)?.copies ?? []
  const gone = first === undefined ? '' : cluster.uuidOf(first)
  const rest = Object.entries(spec.diskFileSpecMap).filter(([uuid]) => uuid !== gone)
  return { ...image, spec: { ...spec, diskFileSpecMap: Object.fromEntries(rest) } }
}

function asInSpec(image: ClusterObject): ClusterObject {
  const { diskFileSpecMap } = image.spec as { diskFileSpecMap: Record<string, object> }
  const status = image.status as { diskFileStatusMap: Record<string, object> }
  const left = Object.entries(status.diskFileStatusMap).filter(([uuid]) => uuid in diskFileSpecMap)
  return { ...image, status: { ...status, diskFileStatusMap: Object.fromEntries(left) } }
}
