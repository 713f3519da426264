import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { guardedSandbox, quickSandbox } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, stageOf, type Tally } from './pairs.ts'
import { Panics } from './panics.ts'
import { proxiesOf } from './proxies.ts'
import { raceOptions } from './race-options.ts'
import { RestWay } from './rest-way.ts'

const { pairs, nodes, informerLagMs, apiRestarts } = raceOptions(process.argv.slice(2), 1_000)

/** A cluster, and whether its webhook guards it besides. */
interface Cluster {
  readonly webhook: boolean
  readonly panics: Panics
  readonly sandbox: Sandbox
  readonly stop: () => Promise<void>
}

async function behindWebhook(lagMs: number, book?: ReservationBook): Promise<Cluster> {
  const panics = new Panics()
  const extras = { longhorn: { informerLagMs: lagMs }, report: panics.report }
  const { sandbox, stop } = await guardedSandbox(nodes, book, extras)
  panics.watch(sandbox)
  return { webhook: true, panics, sandbox, stop }
}

async function withoutWebhook(lagMs: number): Promise<Cluster> {
  const panics = new Panics()
  const sandbox = await quickSandbox(nodes, { longhorn: { informerLagMs: lagMs }, report: panics.report })
  panics.watch(sandbox)
  return { webhook: false, panics, sandbox, stop: () => sandbox.stop() }
}

/** So many pairs, each of the two requests through a door of its own. */
async function race(
  what: string,
  { webhook, panics, sandbox, stop }: Cluster,
  { enough, restarts }: { readonly enough: (tally: Tally) => boolean; readonly restarts: number },
  book?: ReservationBook,
): Promise<Tally> {
  const proxies = await proxiesOf(sandbox, book)
  const ways = [stageOf(sandbox, proxies.kubernetes), new RestWay(proxies.longhorn)]
  // Directly, with nobody in between but the webhook.
  if (webhook) ways.push(stageOf(sandbox), new RestWay(sandbox.rest.url))
  const began = performance.now()
  const tally = await sendPairs(sandbox, { pairs, enough, ways, apiRestarts: restarts })
  await proxies.stop()
  await stop()
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.lost} unanswered, ${panics.summary}, ${seconds} s`,
  )
  return tally
}

const all = { enough: () => false, restarts: apiRestarts }
const both = await race('webhook and proxies', await behindWebhook(informerLagMs), all)
const alone = await race('proxies alone', await withoutWebhook(informerLagMs), all)
const untilProven = { enough: ({ crashes }: Tally) => crashes >= 3, restarts: 0 }
const off = await race('reservations off', await behindWebhook(0, noBook), untilProven, noBook)
const safe = [both, alone].every((tally) => tally.crashes === 0 && tally.pairs >= pairs)
const asPromised = safe && off.crashes > 0
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
