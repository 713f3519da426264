import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../src/kubernetes/clock.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Stage, type Outcome } from '../../src/story/stage.ts'
import type { Way } from './way.ts'

/** What many pairs of conflicting requests came to. */
export interface Tally {
  readonly pairs: number
  readonly evictions: number
  readonly cleanUps: number
  /** Pairs of which both requests were admitted, one after the other or not. */
  readonly both: number
  readonly crashes: number
  /** Requests without an answer, since the API server went away. */
  readonly lost: number
}

/** So far apart, in milliseconds, the two requests of a pair are sent at most. */
const spreadMs = 2

/** For so long the API server is away when it restarts. */
const awayMs = 300

/** What to send. */
export interface PairsOptions {
  readonly pairs: number
  /** Ends it early. */
  readonly enough: (tally: Tally) => boolean
  /** One of which each request takes; as kubectl if not given. */
  readonly ways?: readonly Way[]
  /** How often the API server restarts, evenly spread over the pairs. */
  readonly apiRestarts?: number
}

/**
 * Sends pairs of requests at the same moment, on every node at once: an eviction of its second disk, and the clean-up
 * of the copy on its first. After each pair all is put back.
 */
export async function sendPairs(
  sandbox: Sandbox,
  { pairs, enough, ways, apiRestarts = 0 }: PairsOptions,
): Promise<Tally> {
  const stage = stageOf(sandbox)
  let [begun, done, evictions, cleanUps, both, lost, restarts] = [0, 0, 0, 0, 0, 0, 0]
  const tally = (): Tally => ({
    pairs: done,
    evictions,
    cleanUps,
    both,
    crashes: sandbox.longhorn.crashes.length,
    lost,
  })
  let restarted = Promise.resolve()
  const restartInTime = () => {
    if (restarts >= apiRestarts || done < ((restarts + 1) * pairs) / (apiRestarts + 1)) return
    restarts += 1
    restarted = sandbox.restartApi(awayMs)
  }
  const answered = async (request: Promise<Outcome>): Promise<Outcome> => {
    if (apiRestarts === 0) return await request
    try {
      return await request
    } catch (error) {
      lost += 1
      return { admitted: false, code: 0, message: String(error) }
    }
  }
  const images = await imageOfEachNode(stage, sandbox)
  const rounds = [...images].map(async ([node, image]) => {
    const uuid = sandbox.cluster.uuidOf(`${node}/disk-1`)
    for (; begun < pairs && !enough(tally()); done++) {
      begun += 1
      restartInTime()
      const [evicted, cleaned] = await together(
        () => answered(someOf(ways ?? [stage]).evict(node, 'disk-2', { timeout: '1s' })),
        () => answered(someOf(ways ?? [stage]).cleanUp(image, uuid, { timeout: '1s' })),
      )
      if (evicted.admitted) evictions += 1
      if (cleaned.admitted) cleanUps += 1
      if (evicted.admitted && cleaned.admitted) both += 1
      await putBackAtLast(stage, node, image, uuid, apiRestarts > 0)
    }
  })
  await Promise.all(rounds)
  await restarted
  return tally()
}

/** kubectl, on a server that is the cluster's own if not given. */
export function stageOf(sandbox: Sandbox, server = sandbox.api.url): Stage {
  return new Stage({
    connection: connectTo(server),
    namespace: sandbox.namespace,
    subscribe: (listener) => sandbox.subscribe(listener),
    crashes: () => sandbox.longhorn.crashes,
    isLive: (node) => sandbox.longhorn.isLive(node),
    setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
    signal: patient(),
  })
}

function someOf(ways: readonly Way[]): Way {
  const way = ways[Math.floor(Math.random() * ways.length)]
  if (!way) throw new Error('there is no way at all')
  return way
}

/** A signal that all nodes wait on at once. */
function patient(): AbortSignal {
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  return signal
}

/** Each node with an image that has a copy on its first disk, no image twice. */
async function imageOfEachNode(stage: Stage, sandbox: Sandbox): Promise<Map<`node-${number}`, string>> {
  const resource = { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' }
  const names = (await sandbox.client.list(resource, sandbox.namespace)).map(({ metadata }) => metadata.name)
  const images = await Promise.all(names.map((name) => stage.image(name)))
  const found = new Map<`node-${number}`, string>()
  // The seed puts the first copy of each image on the node of the same number.
  for (const { metadata, spec } of images) {
    const [uuid] = spec.diskFileSpecMap.keys()
    for (let index = 1; index <= images.length; index++) {
      const node = `node-${index}` as const
      if (uuid === sandbox.cluster.uuidOf(`${node}/disk-1`)) found.set(node, metadata.name)
    }
  }
  return found
}

/** Sends two requests in either order, at most so far apart. */
async function together<A, B>(a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  const apart = Math.floor(Math.random() * (spreadMs + 1))
  const delayed = async <T>(send: () => Promise<T>): Promise<T> => {
    await setTimeout(apart)
    return await send()
  }
  if (Math.random() < 0.5) return await Promise.all([a(), delayed(b)])
  const [second, first] = await Promise.all([b(), delayed(a)])
  return [first, second]
}

/** Tries again as long as the API server may be away. */
async function putBackAtLast(
  stage: Stage,
  node: string,
  image: string,
  uuid: string,
  mayBeAway: boolean,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await putBack(stage, node, image, uuid)
      return
    } catch (error) {
      if (!mayBeAway || attempt >= 100) throw error
      await setTimeout(100)
    }
  }
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
