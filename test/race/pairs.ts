import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../src/kubernetes/clock.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Stage } from '../../src/story/stage.ts'

/** What many pairs of conflicting requests came to. */
export interface Tally {
  readonly pairs: number
  /** Pairs of which both requests were admitted, one after the other or not. */
  readonly both: number
  /** Pairs of which neither was. */
  readonly neither: number
  readonly crashes: number
}

/** So far apart, in milliseconds, the two requests of a pair are sent at most. */
const spreadMs = 2

/**
 * Sends pairs of requests at the same moment, on every node at once: an eviction of its second disk, and the clean-up
 * of the copy on its first. After each pair all is put back.
 *
 * @param enough ends it early
 */
export async function sendPairs(
  sandbox: Sandbox,
  pairs: number,
  enough: (tally: Tally) => boolean,
): Promise<Tally> {
  const connection = connectTo(sandbox.api.url)
  const stage = new Stage({
    connection,
    namespace: sandbox.namespace,
    subscribe: (listener) => sandbox.subscribe(listener),
    crashes: () => sandbox.longhorn.crashes,
    isLive: (node) => sandbox.longhorn.isLive(node),
    setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
    signal: new AbortController().signal,
  })
  let [begun, done, both, neither] = [0, 0, 0, 0]
  const tally = (): Tally => ({ pairs: done, both, neither, crashes: sandbox.longhorn.crashes.length })
  const images = await imagesByNode(sandbox)
  const rounds = [...images].map(async ([node, image]) => {
    const uuid = sandbox.cluster.uuidOf(`${node}/disk-1`)
    for (; begun < pairs && !enough(tally()); done++) {
      begun += 1
      const [evicted, cleaned] = await Promise.all([
        soon().then(() => stage.evict(node, 'disk-2', { timeout: '1s' })),
        soon().then(() => stage.cleanUp(image, uuid, { timeout: '1s' })),
      ])
      if (evicted.admitted && cleaned.admitted) both += 1
      if (!evicted.admitted && !cleaned.admitted) neither += 1
      await putBack(stage, node, image, uuid)
    }
  })
  await Promise.all(rounds)
  connection.close()
  return tally()
}

/** Each node with the image that has its first copy there. */
async function imagesByNode(sandbox: Sandbox): Promise<Map<`node-${number}`, string>> {
  const images = await sandbox.client.list(
    { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' },
    sandbox.namespace,
  )
  return new Map(images.map(({ metadata }, index) => [`node-${index + 1}` as const, metadata.name]))
}

async function soon(): Promise<void> {
  await setTimeout(Math.random() * spreadMs)
}

async function putBack(stage: Stage, node: string, image: string, uuid: string): Promise<void> {
  const copy = async () => {
    const { spec, status } = await stage.image(image)
    return { wanted: spec.diskFileSpecMap.has(uuid), state: status.diskFileStatusMap.get(uuid)?.state }
  }
  await stage.until(
    'the eviction to be cleared',
    async () => (await stage.stopEvicting(node, 'disk-2')).admitted,
  )
  await stage.until('the manager to be alive', () => stage.isLive(node))
  if ((await copy()).wanted) return
  await stage.until('the clean-up to end', async () => (await copy()).state === undefined)
  await stage.until('the copy to be wanted', async () => (await stage.copyTo(image, uuid)).admitted)
  await stage.until('the copy to be ready', async () => (await copy()).state === 'ready')
}
