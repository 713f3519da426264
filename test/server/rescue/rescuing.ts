import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { configure } from '../../../src/configuration/configuration.ts'
import type { Settings } from '../../../src/configuration/settings.ts'
import { registration } from '../../../src/doors/webhook/registration.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { type Flags, readRescueNote, rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { createLog } from '../../../src/observability/log.ts'
import { webhookConfigurations } from '../../../src/sandbox/api-server/resources.ts'
import type { LonghornOptions } from '../../../src/sandbox/controllers/options.ts'
import { events, resources } from '../../../src/sandbox/controllers/resources.ts'
import { entries, flag, object, text } from '../../../src/sandbox/json.ts'
import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { Guard } from '../../../src/server/webhook-server.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import { comesTrue, namespace } from '../../commands/guarded-cluster.ts'
import { patch } from '../../commands/rescue/rescued-cluster.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { Balancer } from '../../race/balancer.ts'

/** What a test of the guard's own rescue begins with. */
interface Choice {
  readonly release?: string
  /** Of every replica, besides `rescue: on`. */
  readonly settings?: Settings
  readonly longhorn?: Partial<LonghornOptions>
}

/** A replica of the guard, and what it has told. */
export interface RescuingReplica {
  readonly registry: Registry
  /** Its log, each line parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[]
  /** Stops it, as SIGTERM does. */
  readonly stop: () => Promise<void>
}

/** Settings of a replica unless a test has others. */
const usual = { settle: '200ms', settleAfterOutage: '200ms', rescue: 'on' } as const satisfies Settings

const quick = { copyMs: 80, drainMs: 80, syncMs: 60, restartMs: 100, maxRestartMs: 200 }

/**
 * An embedded cluster, before which replicas of a guard can be put. On disk-2 of node-1, which is empty, a clean-up can begin
 * that no admission sees, since Longhorn writes it into status.
 */
export async function rescuing(t: Test, choice: Choice = {}) {
  const sandbox = await embeddedCluster(t, {
    release: choice.release ?? 'v1.8.0',
    longhorn: { ...quick, ...choice.longhorn },
  })
  const { url } = sandbox.api
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  const ports = new Map<RescuingReplica, number>()
  const balancer = await Balancer.start(() => [...ports.values()].at(-1))
  t.teardown(() => balancer.stop())
  const add = async (replica: string, settings: Settings = {}, at = url): Promise<RescuingReplica> => {
    const log: Record<string, unknown>[] = []
    const registry = new Registry()
    const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>)
    const here = { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s' } as const
    const guard = new Guard(configure([settings, choice.settings ?? {}, { ...here, ...usual, replica }]), {
      connection: connectTo(at),
      tls,
      log: createLog('info', { write }),
      registry,
    })
    const { port } = await guard.start()
    let stopped: Promise<void> | undefined
    const stop = (): Promise<void> => {
      ports.delete(started)
      return (stopped ??= guard.stop())
    }
    const started: RescuingReplica = { registry, log, stop }
    t.teardown(stop)
    ports.set(started, port)
    await guard.whenSynced(untilHung())
    return started
  }
  const register = async (): Promise<void> => {
    const address = `https://127.0.0.1:${balancer.port}/validate`
    await sandbox.client.create(
      webhookConfigurations,
      registration({ url: address, authorityCert: authority.cert, timeoutSeconds: 10 }),
    )
  }
  return {
    sandbox,
    add,
    register,
    unregister: () => sandbox.client.delete(webhookConfigurations, '', 'holdfast'),
    patch: (path: string, body: object) => patch(url, path, body),
    endanger: (disk?: string) => endanger(sandbox, disk),
    cleanUp: () => setBackingImageManager(sandbox, 'running'),
    note: () => noteOf(sandbox),
    flags: () => flagsOf(sandbox),
    events: () => eventsOf(sandbox),
  }
}

/** Such a cluster. */
export type Rescuing = Awaited<ReturnType<typeof rescuing>>

/** Raises the flag of disk-2, and then lets its status say that Longhorn removes a copy there, which does not end. */
async function endanger(sandbox: Sandbox, disk = 'disk-2'): Promise<void> {
  await setBackingImageManager(sandbox, 'unknown')
  await patch(sandbox.api.url, 'nodes/node-1', evicting(disk))
  await aheadOfSpec(sandbox)
}

/** The patch that evicts a disk. */
export function evicting(disk: string, evictionRequested = true): object {
  return { spec: { disks: { [disk]: { allowScheduling: false, evictionRequested } } } }
}

async function aheadOfSpec(sandbox: Sandbox): Promise<void> {
  const { client, cluster } = sandbox
  const found = await client.get(resources.BackingImage, namespace, 'ubuntu-22.04')
  if (!found) throw new Error('there is no image')
  const status = object(found.status)
  const [file] = entries(status.diskFileStatusMap).values()
  const files = { ...object(status.diskFileStatusMap), [cluster.uuidOf('node-1/disk-2')]: file }
  await client.updateStatus(resources.BackingImage, {
    ...found,
    metadata: { ...found.metadata, resourceVersion: '' },
    status: { ...status, diskFileStatusMap: files },
  })
}

/** Without it nothing is deleted from disk-2 of node-1. */
async function setBackingImageManager({ client, cluster }: Sandbox, currentState: string): Promise<void> {
  const managers = await client.list(resources.BackingImageManager, namespace)
  const uuid = cluster.uuidOf('node-1/disk-2')
  const found = managers.find((manager) => object(manager.spec).diskUUID === uuid)
  if (!found) throw new Error('disk-2 has no backing image manager')
  const status = { ...object(found.status), currentState }
  await client.updateStatus(resources.BackingImageManager, { ...found, status })
}

async function nodeOf({ client }: Sandbox) {
  const node = await client.get(resources.Node, namespace, 'node-1')
  if (!node) throw new Error('there is no node-1')
  return node
}

async function noteOf(sandbox: Sandbox) {
  const noted = (await nodeOf(sandbox)).metadata.annotations?.[rescueAnnotation]
  if (noted === undefined) return undefined
  const note = readRescueNote(noted)
  if (!note.ok) throw new Error(note.problem)
  return note.value
}

/** Those that are up. */
async function flagsOf(sandbox: Sandbox): Promise<Flags> {
  const spec = object((await nodeOf(sandbox)).spec)
  const disks = [...entries(spec.disks)].filter(([, disk]) => flag(disk.evictionRequested))
  return { node: flag(spec.evictionRequested), disks: disks.map(([name]) => name).toSorted() }
}

/** The reasons and messages of the guard's Events at node-1. */
async function eventsOf({ client }: Sandbox): Promise<string[]> {
  const all = await client.list(events, namespace)
  return all
    .filter(({ involvedObject, source }) => {
      const about = object(involvedObject)
      return about.kind === 'Node' && about.name === 'node-1' && object(source).component === 'holdfast'
    })
    .map((event) => `${text(event.reason)}: ${text(event.message)}`)
}

/** Waits until something of the cluster is so. */
export async function until(ask: () => Promise<boolean> | boolean): Promise<void> {
  await comesTrue(() => Promise.resolve(ask()))
}

/** No flag at all. */
export const none: Flags = { node: false, disks: [] }
