import type { Test } from 'tap'
import type { ClusterClient, ClusterObject } from '../../../src/sandbox/cluster-client.ts'
import { Longhorn } from '../../../src/sandbox/controllers/longhorn.ts'
import type { LonghornOptions } from '../../../src/sandbox/controllers/options.ts'
import type { Report } from '../../../src/sandbox/controllers/report.ts'
import { longhornServiceAccount, resources } from '../../../src/sandbox/controllers/resources.ts'
import type { DiskName, SeedImage, SeedOptions } from '../../../src/sandbox/controllers/seed-objects.ts'
import { seed, type SeededCluster } from '../../../src/sandbox/controllers/seed.ts'
import { entries, flag, object, text } from '../../../src/sandbox/json.ts'
import { FakeClock } from '../../fixtures/fake-clock.ts'
import { FakeCluster } from './fake-cluster.ts'

const namespace = 'longhorn-system'

/** One image with ready copies on these disks. */
export function image(name: string, copies: DiskName[], minNumberOfCopies = 1): SeedImage {
  return { name, copies, minNumberOfCopies }
}

/** A cluster with Longhorn's controllers running on a clock that the test moves. */
export interface World {
  readonly clock: FakeClock
  readonly cluster: FakeCluster
  readonly longhorn: Longhorn
  readonly admin: ClusterClient
  readonly reports: readonly Report[]
  readonly seeded: SeededCluster
}

/** Three nodes with two disks each and the images asked for, at rest; the test's end stops it. */
export async function world(
  t: Test,
  what: Partial<SeedOptions>,
  options: Partial<LonghornOptions> = {},
): Promise<World> {
  const clock = new FakeClock()
  const cluster = new FakeCluster()
  const reports: Report[] = []
  const admin = cluster.client({ username: 'admin', groups: ['system:masters'] })
  const seeded = await seed(admin, clock.now(), { images: [], replicas: [], ...what })
  const longhorn = new Longhorn(
    {
      client: cluster.client(longhornServiceAccount(namespace)),
      subscribe: cluster.subscribe,
      watch: cluster.watch,
      clock,
      report: (report) => reports.push(report),
    },
    options,
  )
  t.teardown(() => longhorn.stop())
  longhorn.start()
  await clock.advanceStepwise(100)
  return { clock, cluster, longhorn, admin, reports, seeded }
}

/** Raises or lowers the eviction flag of a node (`node-1`) or a disk (`node-1/disk-2`). */
export async function evict({ admin }: World, what: string, evictionRequested = true): Promise<void> {
  const [name = '', disk] = what.split('/')
  await change(admin, 'Node', name, (spec) => {
    if (disk === undefined) return { ...spec, evictionRequested }
    const disks = entries(spec.disks)
    return {
      ...spec,
      disks: { ...Object.fromEntries(disks), [disk]: { ...disks.get(disk), evictionRequested } },
    }
  })
}

/** Removes copies of an image from spec, as a clean-up through REST, UI or kubectl does. */
export async function cleanUp({ admin, seeded }: World, name: string, ...disks: DiskName[]): Promise<void> {
  const uuids = disks.map(seeded.uuidOf)
  await change(admin, 'BackingImage', name, (spec) => ({
    ...spec,
    diskFileSpecMap: Object.fromEntries(
      [...entries(spec.diskFileSpecMap)].filter(([uuid]) => !uuids.includes(uuid)),
    ),
  }))
}

/** Changes the spec of an object as a user. */
export async function change(
  admin: ClusterClient,
  kind: keyof typeof resources,
  name: string,
  changed: (spec: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): Promise<void> {
  const stored = await admin.get(resources[kind], namespace, name)
  if (!stored) throw new Error(`there is no ${kind} ${name}`)
  await admin.update(resources[kind], { ...stored, spec: changed(object(stored.spec)) })
}

/** An image's copies in words: `{ 'node-1/disk-1': 'ready', 'node-2/disk-1': 'pending cleanup' }`. */
export function copies({ cluster, seeded }: World, name: string): Record<string, string> {
  const stored = cluster.find('backingimages', name)
  const specs = entries(object(stored?.spec).diskFileSpecMap)
  const files = entries(object(stored?.status).diskFileStatusMap)
  const words = seeded.disks.flatMap(({ node, name: disk, uuid }) => {
    const file = files.get(uuid)
    const word = file
      ? specs.has(uuid)
        ? text(file.state)
        : 'pending cleanup'
      : specs.has(uuid)
        ? 'planned'
        : undefined
    return word === undefined ? [] : [[`${node}/${disk}`, word] as const]
  })
  return Object.fromEntries(words)
}

/** The disks on which a copy of the image is marked for eviction. */
export function markedCopies({ cluster, seeded }: World, name: string): string[] {
  const specs = entries(object(cluster.find('backingimages', name)?.spec).diskFileSpecMap)
  return seeded.disks
    .filter(({ uuid }) => flag(specs.get(uuid)?.evictionRequested))
    .map(({ node, name: disk }) => `${node}/${disk}`)
}

/** The Ready condition of a node: `True`, or why not. */
export function readiness({ cluster }: World, name: string): string {
  const conditions = object(cluster.find('nodes', name)?.status).conditions
  const ready = (Array.isArray(conditions) ? conditions : []).map(object).find(({ type }) => type === 'Ready')
  return ready?.status === 'True' ? 'True' : text(ready?.reason)
}

/** Keeps clean-ups on this disk from ending, as a backing image manager that does not run does. */
export async function stopBackingImageManager(
  { admin, cluster, seeded }: World,
  disk: DiskName,
): Promise<void> {
  await setManagerState(admin, cluster, seeded.uuidOf(disk), 'stopped')
}

/** The reverse of {@link stopBackingImageManager}. */
export async function startBackingImageManager(
  { admin, cluster, seeded }: World,
  disk: DiskName,
): Promise<void> {
  await setManagerState(admin, cluster, seeded.uuidOf(disk), 'running')
}

async function setManagerState(
  admin: ClusterClient,
  cluster: FakeCluster,
  uuid: string,
  currentState: string,
) {
  const manager = cluster.all('backingimagemanagers').find((one) => object(one.spec).diskUUID === uuid)
  if (!manager) throw new Error(`there is no backing image manager on disk ${uuid}`)
  await admin.updateStatus(resources.BackingImageManager, withStatus(manager, { currentState }))
}

function withStatus(stored: ClusterObject, status: Readonly<Record<string, unknown>>): ClusterObject {
  return { ...stored, status: { ...object(stored.status), ...status } }
}
