import { setTimeout } from 'node:timers/promises'
import type { RequestOutcome, DemoCluster } from '../../src/commands/sandbox/demo-cluster.ts'
import type { Place } from './places.ts'

/** So long an admitted write may take to be committed at most: less than the reservation of any race lasts. */
const how = { timeout: '1s' } as const

/** A dry run is answered at once, so a short limit is enough if the guard is away. */
const asking = { dryRun: true, timeout: '3s' } as const

/** A request that is refused for longer than this is never admitted. */
const withinMs = 300_000

/** Between two attempts, since an ended change counts for ten seconds in some races. */
const pauseMs = 200

/**
 * Waits until an eviction and a clean-up would each be admitted, on each of these.
 *
 * @throws Error when one is not for five minutes
 */
export async function untilFree(stages: readonly DemoCluster[], { node, image, uuid }: Place): Promise<void> {
  for (const stage of stages) {
    await insist('the eviction to be possible again', () => stage.evict(node, 'disk-2', asking))
    await insist('the clean-up to be possible again', async () => {
      // An eviction that was left without an answer can come after everything was put back.
      const { spec } = await stage.node(node)
      if (spec.disks.get('disk-2')?.evictionRequested) await stage.stopEvicting(node, 'disk-2', how)
      return await stage.cleanUp(image, uuid, asking)
    })
  }
}

/** Puts all back, and tries again on errors if the guard may be away. */
export async function putBackAtLast(stage: DemoCluster, place: Place, mayBeAway: boolean): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await putBack(stage, place)
      return
    } catch (error) {
      if (!mayBeAway || attempt >= 100) throw error
      await setTimeout(100)
    }
  }
}

async function putBack(stage: DemoCluster, { node, image, uuid }: Place): Promise<void> {
  const copy = async () => {
    const { spec, status } = await stage.image(image)
    return { wanted: spec.diskFileSpecMap.has(uuid), state: status.diskFileStatusMap.get(uuid)?.state }
  }
  await insist('the eviction to be cleared', () => stage.stopEvicting(node, 'disk-2', how))
  await stage.until('the manager to be alive', () => stage.isLive(node))
  if ((await copy()).wanted) return
  await stage.until('the clean-up to end', async () => (await copy()).state === undefined)
  await insist('the copy to be wanted', () => stage.copyTo(image, uuid, how))
  await stage.until('the copy to be ready', async () => (await copy()).state === 'ready')
}

/** Asks again until it is admitted. @throws Error when it is not for five minutes */
export async function insist(what: string, send: () => Promise<RequestOutcome>): Promise<void> {
  const began = performance.now()
  for (;;) {
    const { admitted, message } = await send().catch((error: unknown) => ({
      admitted: false,
      message: String(error),
    }))
    if (admitted) return
    if (performance.now() - began > withinMs) throw new Error(`waited in vain for ${what}: ${message}`)
    await setTimeout(pauseMs)
  }
}
