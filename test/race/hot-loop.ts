// Measures how often a node is synced again while its automatic clean-up is denied, the cost for guard and cluster, and
// the delay of the node's other work. One guard answers repeated denials at once, the other delays them, as by default.
// Then it counts how many clears of the flag crash the manager, since the clean-up is admitted into a sync that began
// under the flag: `npm run test:hot-loop -- --seconds 10 --clears 20`.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { registration } from '../../src/doors/webhook/registration.ts'
import { profileOf } from '../../src/longhorn/releases.ts'
import type { Report } from '../../src/sandbox/controllers/report.ts'
import { resources } from '../../src/sandbox/controllers/resources.ts'
import { entries, object, text } from '../../src/sandbox/json.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { systemClock } from '../../src/time/clock.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { issueServing } from '../../src/tls/issue.ts'
import type { Said, Start } from './guard-process.ts'
import { stageOf } from './pairs.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    clears: { type: 'string', default: '20' },
    release: { type: 'string', default: 'v1.8.0' },
    // Longer than a sync takes here; the copy comes due before the 10 s that guards take by default.
    settle: { type: 'string', default: '1s' },
  },
})
const seconds = Number(values.seconds)
const { release, settle } = values
const nodeName = 'node-1'
// Release B crashes only on the disk that is evicted.
const flagged = profileOf(release) === 'A' ? 'disk-2' : 'disk-1'
const cleanupWaitMs = 3_000

/** The events of a period, per second. */
interface Measured {
  readonly syncs: number
  readonly refused: number
  /** Milliseconds of CPU. */
  readonly guardCpu: number
  readonly clusterCpu: number
  /** From the admission of a new disk to its UUID in status, in milliseconds, sorted. */
  readonly delays: readonly number[]
}

async function answer(guard: ChildProcess, sent: Start | 'cpu'): Promise<Said> {
  const said = once(guard, 'message') as Promise<[Said]>
  guard.send(sent)
  return (await said)[0]
}

async function cpuOf(guard: ChildProcess): Promise<number> {
  const said = await answer(guard, 'cpu')
  return 'cpuMs' in said ? said.cpuMs : 0
}

const counted = { refused: 0 }
const report = ({ kind }: Report) => {
  if (kind === 'refused') counted.refused += 1
}
const longhorn = {
  cleanupWaitMs,
  drainMs: 500,
  copyMs: 100,
  restartMs: 500,
  maxRestartMs: 500,
}
// Image `ubuntu-22.04` has an unused copy on disk-1 of node-1; the one on node-2 has a replica.
const sandbox = await Sandbox.start({ port: 0, release, nodes: 2, images: 1, longhorn, report })
const stage = stageOf(sandbox)
const authority = await makeAuthority(systemClock)
const { cert, key } = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
const registrations = {
  ...{ group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
} as const

/** A guard as a process. @param putsOff false if it answers repeated refusals at once */
async function startGuard(putsOff: boolean): Promise<{ guard: ChildProcess; url: string }> {
  const guard = fork(import.meta.filename.replace('hot-loop', 'guard-process'), { stdio: 'inherit' })
  const started = await answer(guard, { server: sandbox.api.url, cert, key, settings: { settle }, putsOff })
  if (!('port' in started)) throw new Error('the guard did not say where it listens')
  return { guard, url: `https://127.0.0.1:${started.port}/validate` }
}

/** Lets a guard decide from now on, and ends the one before. */
async function guardedBy(putsOff: boolean, before?: ChildProcess): Promise<ChildProcess> {
  const { guard, url } = await startGuard(putsOff)
  const wanted = registration({ url, authorityCert: authority.cert, timeoutSeconds: 10 })
  const stored = await sandbox.client.get(registrations, '', wanted.metadata.name)
  if (stored) await sandbox.client.update(registrations, { ...stored, webhooks: wanted.webhooks })
  else await sandbox.client.create(registrations, wanted)
  before?.disconnect()
  return guard
}

/** Adds a disk to the node and waits until the node's manager has given it a UUID, in milliseconds. */
async function newDisk(name: string): Promise<number> {
  const { client, namespace } = sandbox
  for (;;) {
    const node = await client.get(resources.Node, namespace, nodeName)
    if (!node) throw new Error(`there is no ${nodeName}`)
    const spec = object(node.spec)
    const disk = {
      ...{ path: `/mnt/${name}/`, diskType: 'filesystem', diskDriver: '', allowScheduling: false },
      ...{ evictionRequested: false, storageReserved: 0, tags: [] },
    }
    try {
      await client.update(resources.Node, {
        ...node,
        spec: { ...spec, disks: { ...object(spec.disks), [name]: disk } },
      })
      break
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('modified'))) throw error
    }
  }
  const began = performance.now()
  await stage.until(`the UUID of ${name}`, async () => {
    const node = await client.get(resources.Node, namespace, nodeName)
    return text(entries(object(node?.status).diskStatus).get(name)?.diskUUID) !== ''
  })
  return performance.now() - began
}

async function measure(what: string): Promise<Measured> {
  const before = {
    ...{ refused: counted.refused, syncs: sandbox.longhorn.syncCount(nodeName) },
    ...{ guard: await cpuOf(guard), cluster: process.cpuUsage(), at: performance.now() },
  }
  const delays: number[] = []
  while (performance.now() - before.at < seconds * 1_000) {
    delays.push(await newDisk(`${what}-${delays.length}`))
    await setTimeout(900)
  }
  const took = (performance.now() - before.at) / 1_000
  const { user, system } = process.cpuUsage(before.cluster)
  return {
    syncs: (sandbox.longhorn.syncCount(nodeName) - before.syncs) / took,
    refused: (counted.refused - before.refused) / took,
    guardCpu: ((await cpuOf(guard)) - before.guard) / took,
    clusterCpu: (user + system) / 1_000 / took,
    delays: delays.toSorted((a, b) => a - b),
  }
}

function print(what: string, { syncs, refused, guardCpu, clusterCpu, delays }: Measured): void {
  const median = delays[Math.floor(delays.length / 2)] ?? 0
  console.log(
    `${what}: ${syncs.toFixed(1)} syncs/s, ${refused.toFixed(1)} refused writes/s, CPU of the guard ${guardCpu.toFixed(0)} ms/s, of API and Longhorn ${clusterCpu.toFixed(0)} ms/s; a new disk has its UUID after ${median.toFixed(0)} ms, at most ${(delays.at(-1) ?? 0).toFixed(0)} ms (${delays.length} disks)`,
  )
}

/** Raises the flag before the copy is due, and waits until its clean-up is refused. */
async function refusing(): Promise<void> {
  const before = counted.refused
  await stage.until('the eviction', async () => (await stage.evict(nodeName, flagged)).admitted)
  for (let waitedMs = 0; counted.refused === before; waitedMs += 100) {
    if (waitedMs > 10_000) throw new Error('nothing was refused: the clean-up is not due, or was admitted')
    await setTimeout(100)
  }
}

/** Waits until the unused copy has gone, and brings it back: so it is not due for a while. */
async function renewCopy(): Promise<void> {
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  const copy = async () => {
    const { spec, status } = await stage.image('ubuntu-22.04')
    return { wanted: spec.diskFileSpecMap.has(uuid), state: status.diskFileStatusMap.get(uuid)?.state }
  }
  await stage.until('the copy to go', async () => {
    const { wanted, state } = await copy()
    return !wanted && state === undefined
  })
  await stage.until('the manager to be alive', () => sandbox.longhorn.isLive(nodeName))
  await stage.until('the copy to be wanted', async () => (await stage.copyTo('ubuntu-22.04', uuid)).admitted)
  await stage.until('the copy to be ready', async () => (await copy()).state === 'ready')
}

/** Takes the flag down. @returns how often the manager crashed at that */
async function clear(): Promise<number> {
  const before = sandbox.longhorn.crashes.length
  await stage.until('the clear', async () => (await stage.stopEvicting(nodeName, flagged)).admitted)
  await renewCopy()
  return sandbox.longhorn.crashes.length - before
}

let guard = await guardedBy(false)
await renewCopy()
await refusing()
print('refused, answered at once', await measure('at-once'))
guard = await guardedBy(true, guard)
// Until the answers are put off by as much as they ever are.
await setTimeout(3_000)
print('refused, repeats put off', await measure('put-off'))
let crashes = await clear()
print('not refused', await measure('quiet'))
await renewCopy()
const clears = Number(values.clears)
for (let cleared = 1; cleared < clears; cleared++) {
  await refusing()
  // Anywhere within a sync.
  await setTimeout(Math.random() * 100)
  crashes += await clear()
}
console.log(`${crashes} panics at ${clears} clears of the flag (${release}, settle ${settle})`)
guard.disconnect()
await sandbox.stop()
