import { setTimeout as wait } from 'node:timers/promises'
import type { LoadedCluster } from './loaded-cluster.ts'
import { copiesOf } from './size.ts'

/** 500 managers write the status of their node every 30 s. */
const nodesPerSecond = 17
/** The progress of copies. */
const imagesPerSecond = 4
/**
 * So many writes wait at a time. Writes to one object get in each other's way, so on a machine that was busy for a while more of
 * them would keep the API server busy for ever.
 */
const mostAtOnce = 32

/** What came of writes of status. */
interface Churned {
  readonly written: number
  /** A machine that is busy with other things lets some wait for too long. */
  readonly failures: readonly string[]
}

/** Writes the status of nodes and images at an even rate. */
export async function churn(loaded: LoadedCluster, ms: number): Promise<Churned> {
  const { size, seeded } = loaded
  const perSecond = nodesPerSecond + imagesPerSecond
  const from = performance.now()
  const running = new Set<Promise<void>>()
  const failures: string[] = []
  let written = 0
  let due = from
  for (let turn = 0; performance.now() - from < ms; turn += 1) {
    if (running.size >= mostAtOnce) await Promise.race(running)
    const done = (turn % perSecond < nodesPerSecond ? node(turn) : progress(turn))
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => running.delete(done))
    running.add(done)
    // What a busy machine has missed is not written later.
    due = Math.max(due + 1_000 / perSecond, performance.now())
    await wait(Math.max(0, due - performance.now()))
  }
  await Promise.all(running)
  return { written, failures }

  async function node(turn: number): Promise<void> {
    const snapshotCheckStatus = { lastPeriodicCheckedAt: new Date().toISOString() }
    await loaded.patch(`nodes/node-${(turn % size.nodes) + 1}/status`, { status: { snapshotCheckStatus } })
    written += 1
  }

  async function progress(turn: number): Promise<void> {
    const image = turn % size.images
    const disk = copiesOf(size, image).at(-1) ?? 'node-1/disk-1'
    const diskFileStatusMap = { [seeded.uuidOf(disk)]: { progress: turn % 100 } }
    await loaded.patch(`backingimages/image-${image}/status`, { status: { diskFileStatusMap } })
    written += 1
  }
}
