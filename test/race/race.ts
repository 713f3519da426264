import { guardedSandbox } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, type Tally } from './pairs.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'

const nodes = 16
const pairs = Number(process.argv[2] ?? 2_000)

/** Two replicas against so many pairs; without reservations until the first crashes prove the point. */
async function race(what: string, enough: (tally: Tally) => boolean, book?: ReservationBook): Promise<Tally> {
  const { sandbox, stop } = await guardedSandbox(nodes, book)
  const began = performance.now()
  const tally = await sendPairs(sandbox, pairs, enough)
  await stop()
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.crashes} crashes, ${seconds} s`,
  )
  return tally
}

const on = await race('reservations on', () => false)
const off = await race('reservations off', ({ crashes }) => crashes >= 3, noBook)
const asPromised = on.crashes === 0 && off.crashes > 0 && on.pairs >= pairs
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
