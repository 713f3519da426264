import type { ReservationBook } from '../../src/gate/reservation-book.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { guardedSandbox, quickSandbox } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, stageOf, type Tally } from './pairs.ts'
import { proxiesOf } from './proxies.ts'
import { RestWay } from './rest-way.ts'

const nodes = 16
const pairs = Number(process.argv[2] ?? 1_000)

/** A cluster, and whether its webhook guards it besides. */
interface Cluster {
  readonly webhook: boolean
  readonly sandbox: Sandbox
  readonly stop: () => Promise<void>
}

async function behindWebhook(book?: ReservationBook): Promise<Cluster> {
  return { webhook: true, ...(await guardedSandbox(nodes, book)) }
}

async function withoutWebhook(): Promise<Cluster> {
  const sandbox = await quickSandbox(nodes)
  return { webhook: false, sandbox, stop: () => sandbox.stop() }
}

/** So many pairs, each of the two requests through a door of its own. */
async function race(
  what: string,
  { webhook, sandbox, stop }: Cluster,
  enough: (tally: Tally) => boolean,
  book?: ReservationBook,
): Promise<Tally> {
  const proxies = await proxiesOf(sandbox, book)
  const ways = [stageOf(sandbox, proxies.kubernetes), new RestWay(proxies.longhorn)]
  // Directly, with nobody in between but the webhook.
  if (webhook) ways.push(stageOf(sandbox), new RestWay(sandbox.rest.url))
  const began = performance.now()
  const tally = await sendPairs(sandbox, pairs, enough, ways)
  await proxies.stop()
  await stop()
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.crashes} crashes, ${seconds} s`,
  )
  return tally
}

const never = (): boolean => false
const both = await race('webhook and proxies', await behindWebhook(), never)
const alone = await race('proxies alone', await withoutWebhook(), never)
const off = await race('reservations off', await behindWebhook(noBook), ({ crashes }) => crashes >= 3, noBook)
const safe = [both, alone].every((tally) => tally.crashes === 0 && tally.pairs >= pairs)
const asPromised = safe && off.crashes > 0
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
