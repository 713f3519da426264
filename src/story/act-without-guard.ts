import { canCrash, theEvictedDisk, type Cast } from './cast.ts'
import type { Narrator } from './narrator.ts'
import { expectAdmitted, putBack } from './steps.ts'
import { NotAsTold, type Stage } from './stage.ts'

/** The dangerous order with nobody to stop it. */
export async function actWithoutGuard(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
  const { image, node, cleaned, evicted, release } = cast
  const before = stage.crashes.length
  narrator.title('Act 1. The guard is off')
  expectAdmitted('the clean-up', await stage.cleanUp(image, cleaned.uuid))
  narrator.say(
    `You clean up the copy of ${image} on ${cleaned.name} of ${node}. It is gone from spec; deleting the file takes a while.`,
  )
  expectAdmitted('the eviction', await stage.evict(node, evicted.name))
  narrator.say(`Meanwhile you evict ${theEvictedDisk(cast)}. The API server admits it.`)
  if (canCrash(cast)) {
    await stage.until(`the longhorn-manager of ${node} to crash`, () => stage.crashes.length > before)
    narrator.bad(`The longhorn-manager of ${node} crashes: ${stage.crashes.at(-1)?.message ?? ''}`)
    narrator.say(
      'While it is down, so are the volumes, the REST API and the webhook of Longhorn on that node.',
    )
  }
  narrator.say('You clear the eviction, the clean-up ends, and the copy is made again.')
  await putBack(stage, cast)
  const crashed = stage.crashes.length - before
  if (!canCrash(cast)) {
    if (crashed > 0) throw new NotAsTold(`${release} should not crash, but a manager did`)
    narrator.good(`Longhorn ${release} survives this: nothing crashes here with or without the guard.`)
  }
}
