import { configure } from '../../src/configuration/configuration.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { agreeOnNamespace, NoCommonNamespace } from '../../src/server/guard-namespace.ts'
import { guardedSandbox, quickSandbox } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, stageOf, type Tally } from './pairs.ts'
import { Panics } from './panics.ts'
import { proxiesOf } from './proxies.ts'
import { controlPairs, raceOptions, requestTimeoutFor, settling } from './race-options.ts'
import { replicasHere } from './replicas-here.ts'
import { RestWay } from './rest-way.ts'
import { proxyStandsStill } from './standing-still.ts'

const options = raceOptions(process.argv.slice(2), 1_000)
const { pairs, nodes, informerLagMs, settleMs, apiRestarts, pauseMs, pauses } = options
/** For so long the API server is away when it restarts. */
const awayMs = 300
/** Longhorn's REST API tries a refused write again for 20 s. */
const answerMs = 20_000

/** How one race differs from the others. */
interface Circumstances {
  /** Whether the webhook guards the cluster besides the proxies. */
  readonly webhook: boolean
  readonly lagMs: number
  readonly settleMs: number
  readonly pairs: number
  readonly restarts: number
  readonly enough: (tally: Tally) => boolean
  /** In place of Leases. */
  readonly book?: ReservationBook
}

/** Sends so many pairs, the two requests of each through different doors. */
async function race(what: string, circumstances: Circumstances): Promise<Tally> {
  const { webhook, lagMs, restarts, enough, book } = circumstances
  const requestTimeout = requestTimeoutFor(circumstances.settleMs)
  const settings = { ...settling(circumstances.settleMs), requestTimeout }
  const panics = new Panics()
  const extras = { informerLagMs: lagMs, report: panics.report }
  const { sandbox, stop } = webhook
    ? await guardedSandbox(nodes, replicasHere(settings, book), extras)
    : await unguarded(extras)
  panics.watch(sandbox)
  const proxies = await proxiesOf(sandbox, { settings, book, answerMs })
  const throughProxy = stageOf(sandbox, proxies.kubernetes)
  const directly = stageOf(sandbox)
  const ways = [throughProxy, new RestWay(proxies.longhorn)]
  // Directly, with only the webhook in between.
  if (webhook) ways.push(directly, new RestWay(sandbox.rest.url))
  const began = performance.now()
  const freeOn = circumstances.settleMs === 0 ? [] : webhook ? [throughProxy, directly] : [throughProxy]
  const disturbances = [{ times: restarts, begin: () => sandbox.restartApi(awayMs) }]
  const tally = await sendPairs(sandbox, {
    ...{ pairs: circumstances.pairs, timeout: requestTimeout },
    ...{ enough, ways, disturbances, freeOn },
  })
  const oneBook = book !== undefined || (await haveOneBook(sandbox, proxies.namespaces))
  await proxies.stop()
  await stop()
  if (!oneBook) throw new Error('doors that were told two namespaces do not share their Leases')
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.lost} unanswered, ${panics.summary}, ${seconds} s`,
  )
  return tally
}

async function unguarded(extras: Parameters<typeof quickSandbox>[1]) {
  const sandbox = await quickSandbox(nodes, extras)
  return { sandbox, stop: () => sandbox.stop() }
}

/** True if the doors have agreed on one namespace for their Leases, and one that insists on another does not start. */
async function haveOneBook(sandbox: Sandbox, namespaces: readonly string[]): Promise<boolean> {
  const connection = connectTo(sandbox.api.url)
  const insisting = agreeOnNamespace(
    configure([{ namespace: 'default' }]),
    connection,
    new AbortController().signal,
  )
  const isRefused = await insisting.then(
    () => false,
    (error: unknown) => error instanceof NoCommonNamespace,
  )
  connection.close()
  return isRefused && new Set(namespaces).size === 1
}

const all = { pairs, lagMs: informerLagMs, settleMs, restarts: apiRestarts, enough: () => false }
const untilProven = { pairs: controlPairs, restarts: 0, enough: ({ crashes }: Tally) => crashes >= 3 }

async function areSafe(): Promise<boolean> {
  const both = await race('webhook and proxies', { ...all, webhook: true })
  const alone = await race('proxies alone', { ...all, webhook: false })
  return [both, alone].every((tally) => tally.crashes === 0 && tally.pairs >= pairs)
}

async function isNeeded(what: string, without: Partial<Circumstances>): Promise<boolean> {
  const circumstances = { webhook: true, lagMs: 0, settleMs: 0, ...untilProven, ...without }
  return (await race(what, circumstances)).crashes > 0
}

const withoutSettle = () => isNeeded('settle 0 ms', { lagMs: informerLagMs })
const areBehind = informerLagMs > 0
const settles = settleMs > 0 || !areBehind
const safe =
  (!settles || (await areSafe())) && (pauseMs === 0 || (await proxyStandsStill(nodes, pauseMs, pauses)))
const asPromised =
  safe && (!areBehind || (await withoutSettle())) && (await isNeeded('reservations off', { book: noBook }))
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
