import { parseArgs } from 'node:util'
import type { Settings } from '../../src/configuration/settings.ts'
import { parseDuration } from '../../src/time/duration.ts'
import { maxRelistMs } from './guarded-sandbox.ts'

/** The options of a race: `-- 2000 --nodes 48 --informer-lag 4s --api-restarts 3`. */
export interface RaceOptions {
  readonly pairs: number
  /** On so many at once; fewer on a machine that is busy with other things, where calls take too long otherwise. */
  readonly nodes: number
  /** How far each cache of a manager may lag, each kind on its own. */
  readonly informerLagMs: number
  /** How long ended changes count for the guards. 0: not at all. */
  readonly settleMs: number
  /** How often the API server restarts meanwhile. */
  readonly apiRestarts: number
  /** How often a replica is killed while it has something reserved, and started again under its name. */
  readonly restarts: number
  /** By so much the clock of one replica is behind, and that of the other ahead. */
  readonly clocksMs: number
  /** How long a replica pauses while it has something reserved; 0: never. */
  readonly pauseMs: number
  /** How often it does. */
  readonly pauses: number
}

/** From the end of something to the end of a sync that began before it, on a busy machine, in milliseconds. */
const syncMs = 2_000

/** @param pairs how many if the arguments do not say @throws Error for arguments that cannot be read */
export function raceOptions(args: readonly string[], pairs: number): RaceOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      nodes: { type: 'string' },
      'informer-lag': { type: 'string', default: '0s' },
      settle: { type: 'string' },
      'api-restarts': { type: 'string', default: '0' },
      restarts: { type: 'string', default: '0' },
      clocks: { type: 'string', default: '0s' },
      pause: { type: 'string', default: '0s' },
      pauses: { type: 'string', default: '5' },
    },
  })
  const informerLagMs = durationOf('informer-lag', values['informer-lag'])
  const settleMs = values.settle === undefined ? undefined : durationOf('settle', values.settle)
  const apiRestarts = Number(values['api-restarts'])
  const areBehind = informerLagMs > 0 || apiRestarts > 0
  return {
    pairs: Number(positionals[0] ?? pairs),
    // Before caches that are behind, each pair waits for what was before: on many nodes at once that takes no longer.
    nodes: Number(values.nodes ?? (areBehind ? 48 : 16)),
    informerLagMs,
    settleMs: settleMs ?? (areBehind ? informerLagMs + syncMs : 0),
    apiRestarts,
    restarts: Number(values.restarts),
    clocksMs: durationOf('clocks', values.clocks),
    pauseMs: durationOf('pause', values.pause),
    pauses: Number(values.pauses),
  }
}

/** How many pairs a race may take in which something is switched off: it ends with the first panics. */
export const controlPairs = 5_000

/**
 * How long the requests of a race may take, and so how long an admitted write may still be committed, as a setting: with
 * the slack of every guard a reservation lasts 11 or 14 s instead of 70 s, should its write never come. Many nodes at once
 * before caches that are behind need more of it.
 */
export function requestTimeoutFor(settleMs: number): string {
  return settleMs > 0 ? '4s' : '1s'
}

/**
 * How long ended changes count, as settings of a guard. After an outage the caches of the embedded cluster come back
 * after at most twice its longest back-off, and then they lag.
 */
export function settling(settleMs: number): Pick<Settings, 'settle' | 'settleAfterOutage'> {
  return { settle: `${settleMs}ms`, settleAfterOutage: `${2 * maxRelistMs + settleMs}ms` }
}

function durationOf(option: string, text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new Error(`--${option} must be a duration such as 4s`)
  return ms
}
