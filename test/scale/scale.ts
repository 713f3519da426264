import { setTimeout as wait } from 'node:timers/promises'
import { touch } from '../e2e/holding.ts'
import { memoryOf } from '../fixtures/process-memory.ts'
import { changes } from './changes.ts'
import { churn } from './churn.ts'
import { Figures } from './figures.ts'
import { evictAtOnce, type Latencies, measureOnce, releaseHolds } from './latencies.ts'
import { holding, LoadedCluster } from './loaded-cluster.ts'
import { cpuMs, longestBlockMs, longestTurnMs } from './replica-figures.ts'
import { scaleOptions, small, type Size } from './size.ts'

// Run by `npm run test:scale`: one guard before a real API server with ten disks, and one before another at the design point,
// 500 nodes with 10 disks and 1,000 images with 20 copies. Each change is measured on both in turns, so that what else the
// machine does meets both. It prints what a guard takes and how soon it answers, and the ratios.
const { large, churnMs, rounds } = scaleOptions(process.argv.slice(2))
/** A guard trusts its watch for changes older than this, in milliseconds, so it has to run for that long. */
const lagMs = 11_000
/** An eviction that comes sooner after the start was seen to cost whole lists, which is another figure. */
const agedMs = 100_000
/** Until the code is compiled. */
const warmUp = 10
/** Many requests at once are measured so often. */
const fewRounds = 10
const held = 64
/** To look at each turn of the event loop costs CPU, so it is done for a time of its own. */
const turnsMs = 60_000

/** A cluster, and what was found out there. */
interface Measured {
  readonly loaded: LoadedCluster
  readonly figures: Figures
}

const both: Measured[] = []
/** What runs, the latest last. */
const running: (() => Promise<void>)[] = []
let stopping: Promise<void> | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void stop().finally(() => process.exit(1)))
try {
  for (const size of [small, large]) both.push(await start(size))
  const readyAt = performance.now()
  // At the same time, since half an hour is wanted of each.
  await Promise.all(both.map(underChurn))
  await wait(Math.max(0, agedMs - (performance.now() - readyAt)))
  const writing = keepWriting()
  running.push(() => {
    clearInterval(writing)
    return Promise.resolve()
  })
  for (const change of changes)
    await inTurns(warmUp, rounds, (loaded, round) => measureOnce(loaded, change, round))
  await blocked('one change after the other')
  for (const count of [small.nodes, 20]) await inTurns(1, fewRounds, (loaded) => evictAtOnce(loaded, count))
  await inTurns(1, fewRounds, (loaded) => releaseHolds(loaded, held))
  await blocked('many at once')
  for (const { loaded, figures } of both)
    figures.put('memory at the end (MiB)', memoryOf(loaded.replica.process.pid))
  print()
} finally {
  await stop()
}

async function start(size: Size): Promise<Measured> {
  const { nodes, disks, images, copies, replicas } = size
  console.log(
    `# ${nodes} nodes with ${disks} disks, ${images} images with ${copies} copies, ${replicas} replicas`,
  )
  const loaded = await LoadedCluster.start(size, (end) => running.push(end))
  const figures = new Figures()
  figures.put('ready after (s)', loaded.readyMs / 1_000)
  figures.put('event loop blocked while it starts (ms)', await longestBlockMs(loaded.replica))
  await wait(lagMs)
  figures.put('memory after the first lists (MiB)', memoryOf(loaded.replica.process.pid))
  return { loaded, figures }
}

async function underChurn({ loaded, figures }: Measured): Promise<void> {
  console.log(`# statuses change for ${churnMs / 1_000} s`)
  const { replica } = loaded
  await longestBlockMs(replica)
  const [cpu, from] = [await cpuMs(replica), performance.now()]
  const written = await churning(loaded, churnMs)
  const seconds = (performance.now() - from) / 1_000
  figures.put('writes of status a second', written / seconds)
  figures.put('CPU meanwhile (ms a second)', ((await cpuMs(replica)) - cpu) / seconds)
  figures.put('event loop blocked meanwhile (ms)', await longestBlockMs(replica))
  figures.put('memory after that (MiB)', memoryOf(replica.process.pid))
  const turn = await longestTurnMs(replica, () => churning(loaded, turnsMs))
  figures.put('longest turn of the event loop meanwhile, CPU (ms)', turn)
}

/** Changes statuses for so long. @returns how many */
async function churning(loaded: LoadedCluster, ms: number): Promise<number> {
  const { written, failures } = await churn(loaded, ms)
  if (failures.length > 0) console.log(`# ${failures.length} writes failed: ${failures[0] ?? ''}`)
  return written
}

/** Longhorn writes statuses all the time. Where a watch was silent for ten seconds, a guard reads objects by itself. */
function keepWriting(): NodeJS.Timeout {
  return setInterval(() => {
    for (const { loaded } of both)
      touch(loaded.cluster, [`nodes/node-${loaded.size.nodes}`, `backingimages/${holding}`]).catch(
        (error: unknown) => console.log(`# a touch failed: ${String(error)}`),
      )
  }, 3_000)
}

async function inTurns(
  warm: number,
  count: number,
  once: (loaded: LoadedCluster, round: number) => Promise<Latencies>,
): Promise<void> {
  const all = both.map(() => [] as Latencies[])
  for (let round = 0; round < warm + count; round += 1)
    for (const [at, { loaded }] of both.entries()) {
      const found = await once(loaded, round)
      if (round >= warm) all[at]?.push(found)
    }
  for (const [at, { figures }] of both.entries()) figures.putAll(all[at] ?? [])
  print()
}

async function blocked(when: string): Promise<void> {
  for (const { loaded, figures } of both)
    figures.put(`event loop blocked, ${when} (ms)`, await longestBlockMs(loaded.replica))
}

/** Again after each step, so that a run that is broken off has said something. */
function print(): void {
  const [one, other] = both
  if (!one || !other) return
  const names = [small, large].map(({ nodes, disks }) => `${nodes * disks} disks`) as [string, string]
  for (const line of Figures.table(one.figures, other.figures, names)) console.log(line)
  console.log('')
}

/** A signal and the end wait for the same: without its cluster the measurement fails at once. */
function stop(): Promise<void> {
  return (stopping ??= stopAll())
}

async function stopAll(): Promise<void> {
  for (const end of running.toReversed()) await end()
}
