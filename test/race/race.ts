import { configure } from '../../src/configuration/configuration.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { guardedSandbox, type Replicas, type StartReplicas } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, stageOf, type PairsOptions, type Tally } from './pairs.ts'
import { Panics } from './panics.ts'
import { controlPairs, raceOptions, requestTimeoutFor, settling } from './race-options.ts'
import { ReplicaProcesses } from './replica-processes.ts'
import { replicasHere } from './replicas-here.ts'

const options = raceOptions(process.argv.slice(2), 2_000)
const { pairs, nodes, informerLagMs, settleMs, apiRestarts, restarts, clocksMs, pauseMs, pauses } = options
const requestTimeout = requestTimeoutFor(settleMs)
/** For so long the API server is away when it restarts. */
const awayMs = 300
/** So long a node may stay frozen by a reservation whose write never comes, whatever else holds: as it lasts, and slack. */
const mayFreezeMs = configure([{ requestTimeout }]).commitMs + 10_000

/** Sends the pairs of one race. */
async function race<R extends Replicas>(
  what: string,
  replicas: StartReplicas<R>,
  lagMs: number,
  sending: (guarded: Awaited<ReturnType<typeof guardedSandbox<R>>>) => PairsOptions,
): Promise<Tally> {
  const panics = new Panics()
  const guarded = await guardedSandbox(nodes, replicas, { informerLagMs: lagMs, report: panics.report })
  const { sandbox, stop } = guarded
  panics.watch(sandbox)
  const began = performance.now()
  const tally = await sendPairs(sandbox, sending(guarded))
  await stop()
  const seconds = Math.round((performance.now() - began) / 1_000)
  const longest = (tally.frozenMs / 1_000).toFixed(1)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.lost} unanswered, ${panics.summary}, a node frozen for ${longest} s at most, ${seconds} s`,
  )
  return tally
}

/** Two replicas in this process, before caches that lag and an API server that restarts. */
function undisturbedReplicas(settle: number, enough: (tally: Tally) => boolean): Promise<Tally> {
  const what = informerLagMs === 0 ? 'reservations on' : `caches lag ${informerLagMs} ms, settle ${settle} ms`
  return race(what, replicasHere({ ...settling(settle), requestTimeout }), informerLagMs, ({ sandbox }) => ({
    pairs,
    timeout: requestTimeout,
    enough,
    disturbances: [{ times: apiRestarts, begin: () => sandbox.restartApi(awayMs) }],
    ...(settle > 0 && { freeOn: [stageOf(sandbox)] }),
  }))
}

/** Two replicas as processes, to which something happens. */
function disturbedReplicas(): Promise<Tally> {
  const replicas = ReplicaProcesses.with({ ...settling(settleMs), requestTimeout }, clocksMs)
  return race('replicas disturbed', replicas, informerLagMs, (guarded) => ({
    pairs,
    timeout: requestTimeout,
    enough: () => false,
    disturbances: [
      { times: apiRestarts, begin: () => guarded.sandbox.restartApi(awayMs) },
      { times: restarts, begin: () => guarded.replicas.restartOne() },
      { times: pauseMs > 0 ? pauses : 0, begin: () => guarded.replicas.pauseOne(pauseMs) },
    ],
    freeOn: [stageOf(guarded.sandbox)],
    lastStart: () => guarded.replicas.lastStart,
  }))
}

/** Until the first panics prove the point. */
const untilProven = ({ crashes }: Tally) => crashes >= 3
const areDisturbed = restarts > 0 || clocksMs > 0 || pauseMs > 0

async function areSafe(): Promise<boolean> {
  if (areDisturbed) {
    const { crashes, frozenMs } = await disturbedReplicas()
    return crashes === 0 && frozenMs <= settleMs + mayFreezeMs
  }
  if (informerLagMs > 0 && settleMs === 0) return (await undisturbedReplicas(0, untilProven)).crashes > 0
  const { crashes, pairs: sent } = await undisturbedReplicas(settleMs, () => false)
  return crashes === 0 && sent >= pairs
}

async function isNeeded(
  what: string,
  settle: number,
  lagMs: number,
  book?: ReservationBook,
): Promise<boolean> {
  const replicas = replicasHere(settling(settle), book)
  return (
    (
      await race(what, replicas, lagMs, () => ({
        pairs: controlPairs,
        timeout: requestTimeout,
        enough: untilProven,
      }))
    ).crashes > 0
  )
}

/** Checks that the race notices wrong clocks: they must crash managers if deadlines depend on the time of day. */
async function doClocksMatter(): Promise<boolean> {
  const replicas = ReplicaProcesses.with({ ...settling(settleMs), requestTimeout }, clocksMs, true)
  const sending = { pairs: controlPairs, timeout: requestTimeout, enough: untilProven }
  return (await race('deadlines by the time of day', replicas, informerLagMs, () => sending)).crashes > 0
}

const safe = (await areSafe()) && (clocksMs === 0 || (await doClocksMatter()))
const needed = informerLagMs === 0 || settleMs === 0 || (await isNeeded('settle 0 ms', 0, informerLagMs))
const asPromised = safe && needed && (await isNeeded('reservations off', 0, 0, noBook))
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
