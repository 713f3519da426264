import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { fieldOf } from '../../src/json/schema.ts'
import type { Replica } from '../e2e/guards.ts'
import { metric } from '../e2e/metric.ts'

/** Its timer fires so often, in milliseconds, and a loop that is never blocked shows that much. */
const loopTimerMs = 10

/** The time for which the threads of a process have run, in milliseconds, however many others wanted the CPU. */
export async function cpuMs({ process }: Replica): Promise<number> {
  const folder = `/proc/${process.pid}/task`
  let nanoseconds = 0
  for (const thread of await readdir(folder)) {
    const [ran] = (await readFile(`${folder}/${thread}/schedstat`, 'utf8')).split(' ')
    nanoseconds += Number(ran)
  }
  return nanoseconds / 1e6
}

/**
 * The longest time in which the event loop did nothing else, in milliseconds, since the last question. On a machine that is
 * busy it has waited for the CPU too.
 */
export async function longestBlockMs(replica: Replica): Promise<number> {
  return Math.max(0, (await metric(replica, 'nodejs_eventloop_lag_max_seconds')) * 1_000 - loopTimerMs)
}

/** The option of `node` for a guard that tells {@link longestTurnMs}. */
export const tellsLongestTurn = `--import=${fileURLToPath(new URL('longest-turn.mjs', import.meta.url))}`

/** The most CPU time that the event loop took at a stretch, in milliseconds, while some work was done. */
export async function longestTurnMs({ process }: Replica, work: () => Promise<unknown>): Promise<number> {
  process.signal('SIGUSR2')
  await work()
  const from = process.lineCount
  process.signal('SIGUSR2')
  return await process.line(turnMs, { from })
}

function turnMs(line: string): number | undefined {
  if (!line.includes('"longest turn"')) return undefined
  const ms = fieldOf(JSON.parse(line), 'ms')
  return typeof ms === 'number' ? ms : undefined
}
