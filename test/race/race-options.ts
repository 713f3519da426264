import { parseArgs } from 'node:util'
import { parseDuration } from '../../src/configuration/duration.ts'

/** What a race is run with: `-- 2000 --nodes 4 --informer-lag 4s --api-restarts 3`. */
export interface RaceOptions {
  readonly pairs: number
  /** On so many at once; fewer on a machine that is busy with other things, where calls take too long otherwise. */
  readonly nodes: number
  /** How far each cache of a manager may lag, each kind on its own. */
  readonly informerLagMs: number
  /** How often the API server restarts meanwhile. */
  readonly apiRestarts: number
}

/** @param pairs how many if the arguments do not say @throws Error for arguments that cannot be read */
export function raceOptions(args: readonly string[], pairs: number): RaceOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      nodes: { type: 'string', default: '16' },
      'informer-lag': { type: 'string', default: '0s' },
      'api-restarts': { type: 'string', default: '0' },
    },
  })
  const informerLagMs = parseDuration(values['informer-lag'])
  if (informerLagMs === undefined) throw new Error('--informer-lag must be a duration such as 4s')
  return {
    pairs: Number(positionals[0] ?? pairs),
    nodes: Number(values.nodes),
    informerLagMs,
    apiRestarts: Number(values['api-restarts']),
  }
}
