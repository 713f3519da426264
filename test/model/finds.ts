import type { Test } from 'tap'
import { depth } from '../fixtures/thorough.ts'
import { walk } from './explore.ts'
import { report } from './report.ts'
import type { Scenario } from './scenario.ts'

/** The way in which the checker finds the fault of a weakened protocol. */
export interface Search {
  /** The broken promise. */
  readonly broken: string | RegExp
  /** The seed of a walk that breaks it. The thorough tests begin at 1, and say which walk it was. */
  readonly seed: number
  /** Steps that the walk does not take, so that it finds a deep counter-example sooner. */
  readonly leaves?: RegExp
}

/** Expects the broken promise in a weakened protocol, and none in the same walks through the sound one. */
export async function finds(t: Test, weak: Scenario, { broken, seed, leaves }: Search): Promise<void> {
  const found = await walk(weak, 10_000, 60, depth(seed, 1), { leaves })
  t.match(found.counterExample?.at(-1), broken, report(found))
  t.comment(`found in walk ${found.runs}: ${found.counterExample?.join('; ')}`)
  const walks = depth(20, Math.min(1_000, found.runs + 100))
  const sound = await walk({ ...weak, sabotage: {} }, walks, 60, depth(seed, 1), { leaves })
  t.equal(sound.counterExample, undefined, `without it nothing is broken: ${report(sound)}`)
}
