import { readdir, readFile } from 'node:fs/promises'
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
