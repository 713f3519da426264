import { canCrash, isHeld, theEvictedDisk, type Cast } from './cast.ts'
import type { Narrator } from './narrator.ts'
import { evictBriefly, expectAdmitted, expectHeld, putBack } from './steps.ts'
import { NotAsTold, type Outcome, type Stage } from './stage.ts'

/** Asks as kubectl does: what is held longer than one request lasts is asked again. */
async function patientEviction(stage: Stage, { node, evicted }: Cast): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await stage.evict(node, evicted.name)
    if (outcome.code !== 429 || attempt === 10) return outcome
  }
}

/** The same two requests with the guard in their way. */
export async function actWithGuard(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
  const { image, node, cleaned, evicted, release } = cast
  const before = stage.crashes.length
  narrator.title('Act 2. The guard is on, the same two requests')
  if (canCrash(cast)) {
    narrator.say(
      `What is over still counts for a while, since Longhorn may not have noticed yet: here for ${cast.settle}, in a cluster for 10s. So a guard that starts waits that long too.`,
    )
  }
  expectAdmitted('the clean-up', await stage.cleanUp(image, cleaned.uuid))
  narrator.say(`You clean up the copy of ${image} on ${cleaned.name} of ${node}.`)
  const first = await evictBriefly(stage, cast)
  narrator.say(`You evict ${theEvictedDisk(cast)}.`)
  if (isHeld(cast)) {
    expectHeld('the eviction', first)
    narrator.good(`Holdfast holds it back, and as you wait for ${cast.patience} only, it says why:`)
    narrator.quote(first)
    const more = canCrash(cast) ? `, and ${cast.settle} more` : ''
    narrator.say(`You ask again, and wait. It takes as long as the clean-up does${more}.`)
    expectAdmitted('the eviction, held until the clean-up has ended', await patientEviction(stage, cast))
    narrator.good('The clean-up has ended, and the eviction is admitted.')
  } else {
    expectAdmitted('the eviction', first)
    narrator.good(`Holdfast only warns: Longhorn ${release} does not evict backing images.`)
  }
  await stage.until(`the eviction of ${node} to be seen`, async () => {
    const disk = (await stage.node(node)).spec.disks.get(evicted.name)
    return disk?.evictionRequested === true && stage.isLive(node)
  })
  narrator.say('You clear the eviction, and the copy is made again.')
  await putBack(stage, cast)
  if (stage.crashes.length > before) throw new NotAsTold('a manager crashed although the guard was on')
  narrator.good(`The longhorn-manager of ${node} was alive all the time.`)
}
