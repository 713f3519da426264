import { setMaxListeners } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Churn } from './churn.ts'
import { Clients } from './clients.ts'
import { faults } from './faults.ts'
import { Field } from './field.ts'
import { History } from './history.ts'
import { sendPairs } from './lanes.ts'
import { soakOptions } from './options.ts'
import { compare } from './records.ts'
import { report } from './report.ts'
import { Samples } from './samples.ts'
import { VerdictOracle } from './verdict-oracle.ts'

// Run by `npm run soak -- 1h`: pairs of changes that must not meet are sent to a real API server before two guards, while
// statuses change and faults happen. A manager whose caches lag judges whether what was admitted was safe. So does an oracle
// that replays every write. At the end the registration is taken away, and the judges have to notice.
const options = soakOptions(process.argv.slice(2))
/** Without a guard a manager panics within the first pairs. */
const controlMs = 60_000

const field = await Field.start(options)
let stopping: Promise<void> | undefined
/** Both wait for the same end: without its cluster the soak fails at once. */
const stop = (): Promise<void> => (stopping ??= field.stop())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(1)))
}
try {
  const failures = [...(await soak()), ...(options.isGuarded ? await control() : [])]
  for (const failure of failures) console.log(`NOT as promised: ${failure}`)
  if (failures.length === 0) console.log('as promised')
  process.exitCode = failures.length > 0 ? 1 : 0
} finally {
  await stop()
}

/** @returns what does not hold */
async function soak(): Promise<string[]> {
  console.log(`${field.cluster.what}, ${field.places.length} pairs at a time for ${options.ms / 1_000} s`)
  const clients = new Clients(field.cluster.connection)
  const oracle = new VerdictOracle('A')
  const history = new History(field.longhorn.watches, oracle, field.seen)
  const churn = new Churn(field)
  const samples = new Samples(field.guards)
  const over = ending(options.ms)
  const [tallies, counts] = await Promise.all([
    sendPairs(field, clients.connection, over),
    faults(field, over),
    progress(clients, over),
  ])
  await churn.stop()
  const memory = await samples.stop()
  await history.stop()
  const comparison = await compare(field.auditFolder, clients.denials, field.refused.keys())
  const { gaps } = history
  const { writes: churned } = churn
  return report({ field, tallies, faults: counts, clients, comparison, oracle, gaps, churned, memory })
}

/** Without the registration both judges have to find fault. @returns what does not hold */
async function control(): Promise<string[]> {
  const before = field.panics.length
  const oracle = new VerdictOracle('A')
  const history = new History(field.longhorn.watches, oracle, field.seen)
  await field.cluster.must(['delete', 'validatingwebhookconfigurations', 'holdfast'])
  const proven = new AbortController()
  setMaxListeners(0, proven.signal)
  const sending = sendPairs(field, new Clients(field.cluster.connection, 'control').connection, proven.signal)
  const until = performance.now() + controlMs
  while (performance.now() < until && (field.panics.length === before || oracle.wrong.length === 0))
    await wait(200)
  proven.abort()
  // A manager that crashes again and again is not put back in time.
  await sending.catch((error: unknown) => console.log(`# without a guard: ${String(error)}`))
  await history.stop()
  const panics = field.panics.length - before
  console.log(`without a guard: ${panics} panics, ${oracle.wrong.length} wrong verdicts`)
  return [
    ...(panics === 0 ? ['without a guard no manager panicked, so this run proves nothing'] : []),
    ...(oracle.wrong.length === 0 ? ['without a guard the oracle found nothing, so it proves nothing'] : []),
  ]
}

/** Each minute, so that a long run is seen to go on. */
async function progress(clients: Clients, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(60_000, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    console.log(`# ${clients.writes} writes, ${field.panics.length} panics`)
  }
}

function ending(ms: number): AbortSignal {
  const over = AbortSignal.timeout(ms)
  setMaxListeners(0, over)
  return over
}
