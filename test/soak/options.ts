import { parseArgs } from 'node:util'
import { parseDuration } from '../../src/time/duration.ts'

/** The options of a soak: `-- 1h --lanes 8 --informer-lag 3s`. */
export interface SoakOptions {
  readonly ms: number
  /** So many pairs are sent at once, each on two nodes of its own. */
  readonly lanes: number
  /** How far each cache of a manager may lag, each kind on its own. */
  readonly informerLagMs: number
  /** How long ended changes count for the guards. 0: not at all, and managers panic. */
  readonly settleMs: number
  /** False: nobody registers the guards, and managers panic. */
  readonly isGuarded: boolean
}

/** From the end of something to the end of a sync that began before it, on a busy machine, in milliseconds. */
const syncMs = 2_000

/** @throws Error for arguments that cannot be read */
export function soakOptions(args: readonly string[]): SoakOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      lanes: { type: 'string', default: '8' },
      'informer-lag': { type: 'string', default: '3s' },
      settle: { type: 'string' },
      unguarded: { type: 'boolean', default: false },
    },
  })
  const informerLagMs = durationOf('--informer-lag', values['informer-lag'])
  return {
    ms: durationOf('how long', positionals[0] ?? '5m'),
    lanes: Number(values.lanes),
    informerLagMs,
    settleMs: values.settle === undefined ? informerLagMs + syncMs : durationOf('--settle', values.settle),
    isGuarded: !values.unguarded,
  }
}

function durationOf(what: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`${what} must be a duration such as 5m`)
  return ms
}
