import { setTimeout as wait } from 'node:timers/promises'
import { DemoCluster, type RequestOutcome } from '../../src/commands/sandbox/demo-cluster.ts'
import type { Connection } from '../../src/kubernetes/client/connection.ts'
import { longhornServiceAccount } from '../../src/sandbox/controllers/resources.ts'
import { systemClock } from '../../src/time/clock.ts'
import { insist } from '../race/put-back.ts'
import { together } from '../race/pairs.ts'
import { endFirstFile, placeFirstFile } from './first-file.ts'
import type { Field, Place } from './field.ts'

/** Long enough for the guards to hold it, and short enough for many pairs. */
const how = { timeout: '4s' } as const
const asking = { dryRun: true, timeout: '4s' } as const
/** A lane that is not free for so long is told of: no reservation, outage or pause lasts longer. */
export const longMs = 90_000
const namespace = 'longhorn-system'

/** What came of all pairs of one kind. */
export interface Tally {
  readonly kind: string
  pairs: number
  /** Requests that were admitted, of two in each pair. */
  admitted: number
  /** Pairs of which both were admitted, one after the other or not. */
  both: number
  refused: number
  unanswered: number
  /** The longest time from a pair until both of it would have been admitted again. */
  longestMs: number
}

/** Sends one request of a pair. @param round a name of the pair, good for an object */
type Send = (at: Stages, place: Place, side: 0 | 1, round: string) => Promise<RequestOutcome>

/** A pair that must not meet. */
interface Pair {
  readonly first: Send
  readonly second: Send
  /** Takes away what the pair has made, once the flags are down. */
  readonly after?: (at: Stages, round: string) => Promise<void>
}

interface Stages {
  readonly person: DemoCluster
  readonly longhorn: DemoCluster
  readonly asPerson: Connection
  readonly asLonghorn: Connection
}

const evictOther: Send = ({ person }, { nodes }, side) => person.evict(nodes[side], 'disk-2', how)
const cleanUp: Send = ({ person }, { image, homes }, side) => person.cleanUp(image, homes[side], how)

const kinds: Readonly<Record<string, Pair>> = {
  'an eviction and a clean-up': { first: evictOther, second: cleanUp },
  'an eviction and a clean-up by Longhorn': {
    first: evictOther,
    second: ({ longhorn }, { image, homes }, side) => longhorn.cleanUp(image, homes[side], how),
  },
  'the eviction of a disk and the clean-up on it': {
    first: ({ person }, { nodes }, side) => person.evict(nodes[side], 'disk-1', how),
    second: cleanUp,
  },
  'the clean-ups of both copies': {
    first: cleanUp,
    second: (at, place, side, round) => cleanUp(at, place, side === 0 ? 1 : 0, round),
  },
  'an eviction and a first file': {
    first: evictOther,
    second: ({ asPerson }, { nodes }, side, round) => placeFirstFile(asPerson, round, nodes[side]),
    after: ({ asLonghorn }, round) => endFirstFile(asLonghorn, round),
  },
}

/** Sends pairs on all places at once until the signal. @returns what came of each kind */
export async function sendPairs(field: Field, person: Connection, signal: AbortSignal): Promise<Tally[]> {
  const tallies = Object.keys(kinds).map((kind) => ({
    ...{ kind, pairs: 0, admitted: 0, both: 0, refused: 0, unanswered: 0, longestMs: 0 },
  }))
  const asLonghorn = impersonating(field.cluster.connection)
  const at = {
    ...{ person: stageOf(field, person), asPerson: person },
    ...{ longhorn: stageOf(field, asLonghorn), asLonghorn },
  }
  const run = Date.now()
  await Promise.all(
    field.places.map(async (place, lane) => {
      for (let round = lane; !signal.aborted; round += 1) {
        const tally = tallies[round % tallies.length]
        const pair = tally && kinds[tally.kind]
        if (!pair) return
        const began = performance.now()
        const name = `first-${run}-${lane}-${round}`
        const side = Math.random() < 0.5 ? 0 : 1
        count(
          tally,
          await together(
            () => answered(pair.first(at, place, side, name)),
            () => answered(pair.second(at, place, side, name)),
          ),
        )
        // Without a guard both copies can go, and no other is made.
        if (await isLost(at.person, place)) return
        if (pair.after) {
          // Longhorn places no first file while the flag is up.
          await restore(at.person, place)
          await pair.after(at, name)
        }
        await untilFree(at.person, place, signal)
        tally.longestMs = Math.max(tally.longestMs, performance.now() - began)
      }
    }),
  )
  return tallies
}

function count(tally: Tally, outcomes: readonly RequestOutcome[]): void {
  const admitted = outcomes.filter((outcome) => outcome.admitted).length
  const unanswered = outcomes.filter(({ code }) => code === 0 || code >= 500).length
  tally.pairs += 1
  tally.admitted += admitted
  if (admitted === 2) tally.both += 1
  tally.unanswered += unanswered
  tally.refused += outcomes.length - admitted - unanswered
}

async function answered(request: Promise<RequestOutcome>): Promise<RequestOutcome> {
  return await request.catch((error: unknown) => ({ admitted: false, code: 0, message: String(error) }))
}

async function isLost(stage: DemoCluster, { image }: Place): Promise<boolean> {
  return await stage.image(image).then(
    ({ spec }) => spec.diskFileSpecMap.size === 0,
    () => false,
  )
}

/** All flags down, the managers alive, and the copies where they were. */
async function restore(stage: DemoCluster, { nodes, image, homes }: Place): Promise<void> {
  for (const node of nodes)
    for (const disk of ['disk-1', 'disk-2'])
      await insist('an eviction to be cleared', async () => {
        const { spec } = await stage.node(node)
        if (spec.disks.get(disk)?.evictionRequested !== true)
          return { admitted: true, code: 200, message: '' }
        return await stage.stopEvicting(node, disk, how)
      })
  for (const node of nodes) await stage.until(`the manager of ${node} to be alive`, () => stage.isLive(node))
  const wanted = new Set<string>(homes)
  await insist('the copies to be as before', async () => {
    const { spec, status } = await stage.image(image)
    const extra = [...spec.diskFileSpecMap.keys()].find((uuid) => !wanted.has(uuid))
    if (extra !== undefined) return await stage.cleanUp(image, extra, how)
    const missing = homes.find((uuid) => !spec.diskFileSpecMap.has(uuid))
    // A copy that is asked for while its clean-up is pending is none that ends.
    if (missing !== undefined && !status.diskFileStatusMap.has(missing))
      return await stage.copyTo(image, missing, how)
    const isWhole =
      missing === undefined &&
      status.diskFileStatusMap.size === homes.length &&
      homes.every((uuid) => status.diskFileStatusMap.get(uuid)?.state === 'ready')
    return { admitted: isWhole, code: 0, message: `the copies of ${image} are not as before yet` }
  })
}

/** Puts all back until an eviction and a clean-up would be admitted again: what has just ended counts for a while. */
async function untilFree(stage: DemoCluster, place: Place, signal: AbortSignal): Promise<void> {
  const { nodes, image, homes } = place
  const began = performance.now()
  let isTold = false
  for (;;) {
    // A manager that still sees the flag removes a copy later, and a write without an answer can come later too.
    await restore(stage, place)
    const asked = nodes.flatMap((node, side) => [
      () => stage.evict(node, 'disk-2', asking),
      () => stage.cleanUp(image, homes[side] ?? '', asking),
    ])
    const denial = await firstDenial(asked)
    if (denial === undefined || signal.aborted) return
    if (!isTold && performance.now() - began > longMs) {
      console.log(`# ${nodes.join(' and ')} are not free after ${longMs / 1_000} s: ${denial}`)
      isTold = true
    }
    await wait(1_000)
  }
}

async function firstDenial(asked: readonly (() => Promise<RequestOutcome>)[]): Promise<string | undefined> {
  for (const ask of asked) {
    const { admitted, message } = await answered(ask())
    if (!admitted) return message
  }
  return undefined
}

function stageOf({ longhorn: beside }: Field, connection: Connection): DemoCluster {
  const { longhorn, watches } = beside
  return new DemoCluster({
    ...{ connection, namespace, signal: new AbortController().signal },
    subscribe: (listener) => watches.subscribe(listener),
    crashes: () => longhorn.crashes,
    isLive: (node) => longhorn.isLive(node),
    setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
  })
}

function impersonating(connection: Connection): Connection {
  const { username } = longhornServiceAccount(namespace)
  return {
    ...connection,
    request: (request) =>
      connection.request({ ...request, headers: { ...request.headers, 'impersonate-user': username } }),
  }
}
