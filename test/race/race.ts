import { guardedSandbox } from './guarded-sandbox.ts'
import { noBook } from './no-book.ts'
import { sendPairs, type Tally } from './pairs.ts'
import { Panics } from './panics.ts'
import { raceOptions } from './race-options.ts'
import type { ReservationBook } from '../../src/gate/reservation-book.ts'

const { pairs, nodes, informerLagMs, apiRestarts } = raceOptions(process.argv.slice(2), 2_000)

/** How much the managers' caches are disturbed. */
interface Disturbance {
  readonly informerLagMs: number
  readonly apiRestarts: number
}

/** Two replicas against so many pairs; without reservations until the first crashes prove the point. */
async function race(
  what: string,
  enough: (tally: Tally) => boolean,
  { informerLagMs, apiRestarts }: Disturbance,
  book?: ReservationBook,
): Promise<Tally> {
  const panics = new Panics()
  const { sandbox, stop } = await guardedSandbox(nodes, book, {
    longhorn: { informerLagMs },
    report: panics.report,
  })
  panics.watch(sandbox)
  const began = performance.now()
  const tally = await sendPairs(sandbox, { pairs, enough, apiRestarts })
  await stop()
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(
    `${what}: ${tally.pairs} pairs, ${tally.evictions} evictions and ${tally.cleanUps} clean-ups admitted, ${tally.both} times both in turn, ${tally.lost} unanswered, ${panics.summary}, ${seconds} s`,
  )
  return tally
}

const on = await race('reservations on', () => false, { informerLagMs, apiRestarts })
const undisturbed = { informerLagMs: 0, apiRestarts: 0 }
const off = await race('reservations off', ({ crashes }) => crashes >= 3, undisturbed, noBook)
const asPromised = on.crashes === 0 && off.crashes > 0 && on.pairs >= pairs
console.log(asPromised ? 'as promised' : 'NOT as promised')
process.exitCode = asPromised ? 0 : 1
