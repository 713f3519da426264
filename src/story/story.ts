import { actDryRun } from './act-dry-run.ts'
import { actWithGuard } from './act-with-guard.ts'
import { actWithoutGuard } from './act-without-guard.ts'
import { canCrash, type Cast } from './cast.ts'
import type { Narrator } from './narrator.ts'
import { NotAsTold, type Stage } from './stage.ts'

/** What the story needs besides its stage. */
export interface StoryModules {
  readonly stage: Stage
  readonly cast: Cast
  readonly narrator: Narrator
  /** Starts the guard and registers its webhook; resolves once it decides. */
  readonly startGuard: () => Promise<void>
}

/** How many managers crashed. */
export interface Tally {
  readonly guardOff: number
  readonly guardOn: number
}

/**
 * Tells the story on a real cluster: each sentence is told after it was seen.
 *
 * @throws NotAsTold when the cluster does something else
 */
export async function tellStory({ stage, cast, narrator, startGuard }: StoryModules): Promise<Tally> {
  await actWithoutGuard(stage, cast, narrator)
  const guardOff = stage.crashes.length
  await startGuard()
  await actWithGuard(stage, cast, narrator)
  await actDryRun(stage, cast, narrator)
  const guardOn = stage.crashes.length - guardOff
  narrator.title('The end')
  narrator.say(`Manager crashes: ${guardOff} with the guard off, ${guardOn} with it on.`)
  const expected = canCrash(cast) ? 1 : 0
  if (guardOff !== expected || guardOn !== 0) {
    throw new NotAsTold(`expected ${expected} with the guard off and 0 with it on`)
  }
  return { guardOff, guardOn }
}
