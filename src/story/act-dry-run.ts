import { isHeld, type Cast } from './cast.ts'
import type { Narrator } from './narrator.ts'
import { copyOn, expectAdmitted, expectHeld, putBack, untilAdmitted, untilDrained } from './steps.ts'
import { NotAsTold, type Stage } from './stage.ts'

/** The same once more, asked as a dry run: the same verdicts, and nothing changes. */
export async function actDryRun(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
  const { image, node, cleaned, evicted } = cast
  const dryRun = true
  narrator.title('Act 3. The same as a dry run')
  await untilAdmitted(stage, 'the clean-up as a dry run', () =>
    stage.cleanUp(image, cleaned.uuid, { dryRun }),
  )
  if (!(await copyOn(stage, cast)).wanted) throw new NotAsTold('a dry run removed the copy')
  narrator.good(
    `You ask, as a dry run, to clean up the copy of ${image} on ${cleaned.name}: it would be admitted, and nothing changes.`,
  )
  expectAdmitted('the clean-up', await stage.cleanUp(image, cleaned.uuid))
  narrator.say('You clean it up for real, and ask, as a dry run, for the eviction.')
  const held = await stage.evict(node, evicted.name, { dryRun })
  if (isHeld(cast)) {
    expectHeld('the eviction as a dry run', held)
    narrator.good('The same verdict as in act 2, and at once:')
    narrator.quote(held)
  } else {
    expectAdmitted('the eviction as a dry run', held)
    narrator.good('It would be admitted, as in act 2.')
  }
  await untilDrained(stage, cast)
  await untilAdmitted(stage, 'the eviction as a dry run, later', () =>
    stage.evict(node, evicted.name, { dryRun }),
  )
  if ((await stage.node(node)).spec.disks.get(evicted.name)?.evictionRequested !== false) {
    throw new NotAsTold('a dry run raised a flag')
  }
  narrator.good(
    `After the clean-up the eviction of ${evicted.name} would be admitted, and nothing has changed.`,
  )
  await putBack(stage, cast)
}
