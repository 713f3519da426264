import { releaseAll, untilTidy, writeAll, type Patch } from '../e2e/holding.ts'
import type { Change } from './changes.ts'
import { holding, type LoadedCluster } from './loaded-cluster.ts'
import { cpuMs } from './replica-figures.ts'
import { emptyDisk } from './size.ts'

/** How long the guard took for each of many requests, in milliseconds, in any order. */
export interface Latencies {
  readonly what: string
  /** Empty where it was not asked. */
  readonly shares: readonly number[]
  /** The whole requests, without those that were sent at once. */
  readonly wholes: readonly number[]
  /** The CPU of the guard for each, in milliseconds. */
  readonly cpu: readonly number[]
}

/** One change, and how long the guard took for it. */
export async function measureOnce(loaded: LoadedCluster, change: Change, round: number): Promise<Latencies> {
  const { guards, replica } = loaded
  const cpu = await cpuMs(replica)
  const from = performance.now()
  await change.ask(loaded, round)
  const whole = performance.now() - from
  const spent = (await cpuMs(replica)) - cpu
  // A new connection begins with exchanges of TLS.
  const share = guards.exchangesSince(from).at(-1)
  await change.after?.(loaded, round)
  if (change.after) await untilTidy(guards)
  return { what: change.what, shares: share ? [share.ms] : [], wholes: [whole], cpu: [spent] }
}

/** Evictions of different nodes at the same time: how long after they were sent each answer of the guard came. */
export async function evictAtOnce(loaded: LoadedCluster, count: number): Promise<Latencies> {
  const cpu = await cpuMs(loaded.replica)
  const from = performance.now()
  await writeAll(loaded.cluster, evictions(loaded, count, true))
  const spent = (await cpuMs(loaded.replica)) - cpu
  const shares = loaded.guards.exchangesSince(from).map(({ at, ms }) => at + ms - from)
  await clear(loaded, count)
  return { what: `${count} evictions at once`, shares, wholes: [], cpu: [spent / count] }
}

/** Evictions that wait for clean-ups which one write of status ends: how long after it each answer of the guard came. */
export async function releaseHolds(loaded: LoadedCluster, count: number): Promise<Latencies> {
  const { cluster, guards, replica, size } = loaded
  const nodes = Array.from({ length: Math.min(size.nodes, count) }, (_, at) => `node-${at + 1}`)
  await loaded.cleanUpsOn(nodes, true)
  const touched = ['nodes/node-1', `backingimages/${holding}`, 'backingimagedatasources/image-0']
  let cpu = 0
  const release = async (): Promise<void> => {
    cpu = await cpuMs(replica)
    await loaded.cleanUpsOn(nodes, false)
  }
  const { guardsMs } = await releaseAll(cluster, guards, evictions(loaded, count, true), release, touched)
  const spent = (await cpuMs(replica)) - cpu
  await clear(loaded, count)
  // Of several writes to one node the API server tries some again, which asks the guard again.
  return { what: `${count} holds`, shares: guardsMs.slice(0, count), wholes: [], cpu: [spent / count] }
}

/** So many, spread over all nodes; on a small cluster several are about one. */
function evictions({ size }: LoadedCluster, count: number, evictionRequested: boolean): Patch[] {
  return Array.from({ length: count }, (_, at) => ({
    object: `nodes/node-${(at % size.nodes) + 1}`,
    spec: { disks: { [emptyDisk(size)]: { evictionRequested } } },
  }))
}

async function clear(loaded: LoadedCluster, count: number): Promise<void> {
  const { nodes } = loaded.size
  for (const { object, spec } of evictions(loaded, Math.min(count, nodes), false))
    await loaded.patch(object, { spec })
  await untilTidy(loaded.guards)
}
