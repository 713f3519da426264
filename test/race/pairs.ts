import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { type RequestOutcome, DemoCluster } from '../../src/commands/sandbox/demo-cluster.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { systemClock } from '../../src/time/clock.ts'
import { type Disturbance, Disturbances } from './disturbances.ts'
import { placesOf } from './places.ts'
import { putBackAtLast, untilFree } from './put-back.ts'
import type { Way } from './way.ts'

/** The outcomes of many pairs of conflicting requests. */
export interface Tally {
  readonly pairs: number
  readonly evictions: number
  readonly cleanUps: number
  /** Pairs of which both requests were admitted, one after the other or not. */
  readonly both: number
  readonly crashes: number
  /** Requests without an answer, since the server went away. */
  readonly lost: number
  /**
   * The longest time until both of a pair would have been admitted again, in milliseconds: from when it was sent, or from
   * when a replica last started, which counts from then how long a reservation lasts.
   */
  readonly frozenMs: number
}

/** So far apart, in milliseconds, the two requests of a pair are sent at most. */
const spreadMs = 2

/** The pairs to send. */
export interface PairsOptions {
  readonly pairs: number
  /** How long a request may take: `1s` is enough for the two to meet, and a hold ends sooner. */
  readonly timeout: string
  /** Ends it early. */
  readonly enough: (tally: Tally) => boolean
  /** One of which each request takes; as kubectl if not given. */
  readonly ways?: readonly Way[]
  /** The disturbances meanwhile. Pairs are sent until all have happened. */
  readonly disturbances?: readonly Disturbance[]
  /** Stages that are asked before each next pair whether they would admit both of it; absent for no such questions. */
  readonly freeOn?: readonly DemoCluster[]
  /** When a replica last started, by `performance.now()`. */
  readonly lastStart?: () => number
}

/**
 * Sends pairs of requests at the same moment, on every node at once: an eviction of its second disk, and the clean-up
 * of the copy on its first. After each pair all is put back.
 */
export async function sendPairs(
  sandbox: Sandbox,
  { pairs, timeout, enough, ways, disturbances = [], freeOn = [], lastStart = () => 0 }: PairsOptions,
): Promise<Tally> {
  const stage = stageOf(sandbox)
  const meanwhile = new Disturbances(disturbances, pairs)
  let [begun, done, evictions, cleanUps, both, lost, frozenMs] = [0, 0, 0, 0, 0, 0, 0]
  const tally = (): Tally => ({
    ...{ pairs: done, evictions, cleanUps, both, lost, frozenMs },
    crashes: sandbox.longhorn.crashes.length,
  })
  const answered = async (request: Promise<RequestOutcome>): Promise<RequestOutcome> => {
    if (!meanwhile.any) return await request
    try {
      return await request
    } catch (error) {
      lost += 1
      return { admitted: false, code: 0, message: String(error) }
    }
  }
  const rounds = (await placesOf(sandbox)).map(async (place) => {
    const { node, image, uuid } = place
    await untilFree(freeOn, place)
    for (; (begun < pairs || meanwhile.pending) && !enough(tally()); done++) {
      begun += 1
      meanwhile.after(done)
      const sentAt = performance.now()
      const [evicted, cleaned] = await together(
        () => answered(someOf(ways ?? [stage]).evict(node, 'disk-2', { timeout })),
        () => answered(someOf(ways ?? [stage]).cleanUp(image, uuid, { timeout })),
      )
      if (evicted.admitted) evictions += 1
      if (cleaned.admitted) cleanUps += 1
      if (evicted.admitted && cleaned.admitted) both += 1
      await putBackAtLast(stage, place, meanwhile.any)
      await untilFree(freeOn, place)
      frozenMs = Math.max(frozenMs, performance.now() - Math.max(sentAt, lastStart()))
    }
  })
  await Promise.all(rounds)
  await meanwhile.over()
  return tally()
}

/** kubectl, on a server that is the cluster's own if not given. */
export function stageOf(sandbox: Sandbox, server = sandbox.api.url): DemoCluster {
  return new DemoCluster({
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

/** Sends two requests in either order, at most so far apart. */
export async function together<A, B>(a: () => Promise<A>, b: () => Promise<B>): Promise<[A, B]> {
  const apart = Math.floor(Math.random() * (spreadMs + 1))
  const delayed = async <T>(send: () => Promise<T>): Promise<T> => {
    await setTimeout(apart)
    return await send()
  }
  if (Math.random() < 0.5) return await Promise.all([a(), delayed(b)])
  const [second, first] = await Promise.all([b(), delayed(a)])
  return [first, second]
}
