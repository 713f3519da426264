import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../../src/sandbox/controllers/report.ts'
import type { DiskName } from '../../src/sandbox/controllers/seed-objects.ts'
import { binaries } from '../e2e/binaries.ts'
import { ask, longhornPath } from '../e2e/cluster.ts'
import type { Guards, Replica } from '../e2e/guards.ts'
import { LonghornBeside } from '../e2e/longhorn-beside.ts'
import { installed, RealCluster } from '../e2e/real-cluster.ts'
import { imageStart } from '../fixtures/image-start.ts'
import { holdfast } from '../fixtures/main.ts'
import { maxRelistMs } from '../race/guarded-sandbox.ts'
import { isDenial } from './clients.ts'
import type { SoakOptions } from './options.ts'
import { tellsLiveMemory } from './samples.ts'
import { type Panic, panicText, SeenVersions } from './seen-versions.ts'
import { SlowLeases } from './slow-leases.ts'

/** The API server may commit an admitted write for so long; reservations last 10 s longer. */
const requestTimeout = '10s'

/** Two nodes, and an image with a copy on the first disk of each. */
export interface Place {
  readonly nodes: readonly [string, string]
  readonly image: string
  /** The UUIDs of these disks. */
  readonly homes: readonly [string, string]
}

/** A real API server, Longhorn in miniature with caches that lag, and two guards as processes that write audit files. */
export class Field {
  readonly cluster: RealCluster
  readonly longhorn: LonghornBeside
  readonly guards: Guards
  readonly leases: SlowLeases
  readonly places: readonly Place[]
  /** Images that nobody removes copies of. */
  readonly bystanders: readonly string[]
  readonly auditFolder: string
  readonly seen: SeenVersions
  readonly panics: readonly Panic[]
  /** Objects of which Longhorn's account was denied a write, and how often. */
  readonly refused: ReadonlyMap<string, number>
  #files = 0

  private constructor(parts: Omit<Field, 'addReplica' | 'stop'>) {
    this.cluster = parts.cluster
    this.longhorn = parts.longhorn
    this.guards = parts.guards
    this.leases = parts.leases
    this.places = parts.places
    this.bystanders = parts.bystanders
    this.auditFolder = parts.auditFolder
    this.seen = parts.seen
    this.panics = parts.panics
    this.refused = parts.refused
  }

  static async start({ lanes, informerLagMs, settleMs, isGuarded }: SoakOptions): Promise<Field> {
    const cluster = await RealCluster.start(binaries(), { 'request-timeout': requestTimeout })
    const outage = settleMs > 0 ? 2 * maxRelistMs + settleMs : 0
    const yaml = await cluster.install(
      ...[`config.settle=${settleMs}ms`, `config.settleAfterOutage=${outage}ms`],
      `config.requestTimeout=${requestTimeout}`,
    )
    const registration = 'validatingwebhookconfigurations'
    // Nobody answers yet.
    await cluster.must(['delete', registration, 'holdfast'])
    const seen = new SeenVersions()
    const panics: Panic[] = []
    const refused = new Map<string, number>()
    const longhorn = await LonghornBeside.start(
      cluster,
      seeded(lanes),
      {
        ...{ drainMs: 500, copyMs: 100, syncMs: 500, reactMs: 10, specLagMs: 200 },
        ...{ restartMs: 200, maxRestartMs: 200, maxRelistMs, informerLagMs },
      },
      (report) => hear(report, { seen, panics, refused }),
    )
    // For images whose first file has to be on this node.
    for (const node of longhorn.seeded.nodes)
      await ask(cluster, 'PATCH', `${longhornPath('nodes')}/${node}`, { spec: { tags: [node] } })
    const template = await cluster.podTemplate(yaml, installed)
    const leases = await SlowLeases.start(cluster.plane)
    await throughSlowLeases(template.kubeconfig ?? '', leases)
    const { options, variables } = imageStart()
    const program = [...options, ...tellsLiveMemory, ...holdfast]
    const guards = await cluster.deployAs({ ...template, program, variables })
    const auditFolder = join(cluster.plane.folder, 'records')
    await mkdir(auditFolder)
    const uuidOf = (disk: DiskName) => longhorn.seeded.uuidOf(disk)
    const places = Array.from({ length: lanes }, (_, at): Place => {
      const nodes = [`node-${2 * at + 1}`, `node-${2 * at + 2}`] as const
      return {
        nodes,
        image: `raced-${at}`,
        homes: [uuidOf(`${nodes[0]}/disk-1`), uuidOf(`${nodes[1]}/disk-1`)],
      }
    })
    const bystanders = Array.from({ length: lanes }, (_, at) => `calm-${at}`)
    const field = new Field({
      ...{ cluster, longhorn, guards, leases, places, bystanders, auditFolder, seen, panics, refused },
    })
    // A replica that starts puts its authority there.
    if (isGuarded) await cluster.must(['apply', '-f', '-'], yaml)
    await Promise.all([field.addReplica(), field.addReplica()])
    return field
  }

  /** One more replica, with an audit file of its own. */
  async addReplica(): Promise<Replica> {
    this.#files += 1
    const file = join(this.auditFolder, `${this.#files}.log`)
    return await this.guards.add('--audit-file', file, '--audit-file-size', '1Gi', '--audit-log', 'off')
  }

  async stop(): Promise<void> {
    await this.longhorn.stop()
    await this.guards.stop()
    await this.leases.stop()
    await this.cluster.stop()
  }
}

function seeded(lanes: number) {
  const raced = Array.from({ length: lanes }, (_, at) => ({
    name: `raced-${at}`,
    copies: [`node-${2 * at + 1}/disk-1`, `node-${2 * at + 2}/disk-1`] as const,
    minNumberOfCopies: 1,
  }))
  const calm = Array.from({ length: lanes }, (_, at) => ({
    name: `calm-${at}`,
    copies: [`node-${2 * at + 1}/disk-3`] as const,
    minNumberOfCopies: 1,
  }))
  return {
    ...{ release: 'v1.8.0', nodes: 2 * lanes, disksPerNode: 3, images: [...raced, ...calm] },
    // Neither more copies than there are, nor fewer because nobody uses them.
    ...{ replicas: [], replenishLimit: 0, cleanupWaitMinutes: 10_000 },
  }
}

function hear(
  report: Report,
  heard: { readonly seen: SeenVersions; readonly panics: Panic[]; readonly refused: Map<string, number> },
): void {
  if (report.kind === 'crash') {
    const panic = heard.seen.panic(report.crash, performance.now())
    heard.panics.push(panic)
    console.log(`# a panic of ${panicText(panic)}`)
  }
  if (report.kind !== 'refused' || !isDenial(report.status.message)) return
  const name = report.write.split(' ').at(-1) ?? ''
  heard.refused.set(name, (heard.refused.get(name) ?? 0) + 1)
}

/** Lets the guards reach the API server by this way. */
async function throughSlowLeases(kubeconfig: string, { url, authorityCert }: SlowLeases): Promise<void> {
  const written = JSON.parse(await readFile(kubeconfig, 'utf8')) as object
  const authority = Buffer.from(authorityCert).toString('base64')
  const cluster = { server: url, 'certificate-authority-data': authority }
  await writeFile(kubeconfig, JSON.stringify({ ...written, clusters: [{ name: 'e2e', cluster }] }))
}
