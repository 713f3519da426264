import { setTimeout as wait } from 'node:timers/promises'
import { ask, longhornPath, type Cluster } from './cluster.ts'
import type { Guards } from './guards.ts'
import { metric } from './metric.ts'

/** A merge patch of one of Longhorn's objects, and its outcome. */
export interface Patch {
  /** `nodes/n1`, `backingimages/ubuntu`. */
  readonly object: string
  readonly spec: object
  readonly dryRun?: boolean
}

/**
 * The results of many requests, and the time of each, in milliseconds, sorted; for held ones from their
 * release.
 */
export interface Answered {
  readonly statuses: readonly number[]
  readonly ms: readonly number[]
}

/** The results of held requests. */
export interface Released extends Answered {
  /** How long after the release each answer of the guards came to the API server, in milliseconds, sorted. */
  readonly guardsMs: readonly number[]
}

/**
 * Sends all at once, waits until the guards hold every one of them, releases them, and waits for the answers.
 *
 * @param touched objects that are touched right before the release: on a slow machine the watches may have been silent for
 *   long by then
 */
export async function releaseAll(
  cluster: Cluster,
  guards: Guards,
  patches: readonly Patch[],
  release: () => Promise<unknown>,
  touched: readonly string[] = [],
): Promise<Released> {
  const answers = sendAll(cluster, patches)
  await untilHeld(guards, patches.length)
  await touch(cluster, touched)
  const from = performance.now()
  await release()
  const { statuses, ms } = answered(await answers, from)
  const guardsMs = guards.answeredAt(from).map((at) => at - from)
  return { statuses, ms, guardsMs: guardsMs.toSorted((a, b) => a - b) }
}

/** Sends all at once without a guard, to measure the time of the API server alone. */
export async function writeAll(cluster: Cluster, patches: readonly Patch[]): Promise<Answered> {
  const from = performance.now()
  return answered(await sendAll(cluster, patches), from)
}

interface Answer {
  readonly status: number
  readonly at: number
}

async function sendAll({ connection }: Cluster, patches: readonly Patch[]): Promise<Answer[]> {
  return await Promise.all(
    patches.map(async ({ object, spec, dryRun = false }) => {
      const answer = await connection.request({
        method: 'PATCH',
        path: longhornPath(object),
        query: dryRun ? { dryRun: 'All' } : {},
        headers: { 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify({ spec }),
        signal: AbortSignal.timeout(60_000),
      })
      await answer.text()
      return { status: answer.status, at: performance.now() }
    }),
  )
}

function answered(answers: readonly Answer[], from: number): Answered {
  return {
    statuses: answers.map(({ status }) => status),
    ms: answers.map(({ at }) => at - from).toSorted((a, b) => a - b),
  }
}

/** So that every watch of the guards has something to tell: on one that was silent, decisions ask the API server. */
export async function touch(cluster: Cluster, objects: readonly string[]): Promise<void> {
  const annotations = { touched: String(performance.now()) }
  await Promise.all(
    objects.map((object) => ask(cluster, 'PATCH', longhornPath(object), { metadata: { annotations } })),
  )
}

/** Waits until every guard sees that nothing is reserved. */
export async function untilTidy(guards: Guards): Promise<void> {
  const until = performance.now() + 60_000
  for (;;) {
    const all = await Promise.all(guards.replicas.map((replica) => metric(replica, 'holdfast_reservations')))
    if (all.every((count) => count === 0)) return
    if (performance.now() > until) throw new Error(`${all.join(' and ')} reservations are left`)
    await wait(20)
  }
}

/** Waits until the guards hold so many requests. @throws if they do not within the time-out of the webhook */
export async function untilHeld(guards: Guards, count: number): Promise<void> {
  const until = performance.now() + 8_000
  for (;;) {
    const holds = await Promise.all(guards.replicas.map((replica) => metric(replica, 'holdfast_holds')))
    const held = holds.reduce((sum, each) => sum + each, 0)
    if (held === count) return
    if (performance.now() > until) throw new Error(`${held} of ${count} requests are held`)
    await wait(20)
  }
}
