import type { Cast } from './cast.ts'
import { NotAsTold, type Outcome, type Stage } from './stage.ts'

/** Throws unless the request was admitted, as the story says. */
export function expectAdmitted(what: string, outcome: Outcome): void {
  if (outcome.admitted) return
  throw new NotAsTold(`${what} should have been admitted, but got ${outcome.code}: ${outcome.message}`)
}

/** Throws unless the request was held back with 429 by the rule for evictions. */
export function expectHeld(what: string, outcome: Outcome): void {
  if (outcome.code === 429 && outcome.message.includes('eviction-during-cleanup')) return
  throw new NotAsTold(`${what} should have been held back, but got ${outcome.code}: ${outcome.message}`)
}

/**
 * Evicts, and waits for the time of the cast only, so that the guard says why it holds the eviction back. A busy machine
 * may not answer in that time; then it asks again.
 */
export async function evictBriefly(stage: Stage, { node, evicted, patience }: Cast): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await stage.evict(node, evicted.name, { timeout: patience })
    if (outcome.code < 500 || attempt === 5) return outcome
  }
}

/** Asks as a dry run, which does not wait, until it would be admitted: what is over still counts for a while. */
export async function untilAdmitted(stage: Stage, what: string, ask: () => Promise<Outcome>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await ask()
    if (attempt === mostQuestions) expectAdmitted(what, outcome)
    if (outcome.admitted) return
    await stage.pause(betweenQuestionsMs)
  }
}

/** Half a minute of them, at least. */
const mostQuestions = 100
const betweenQuestionsMs = 300

/** Where the copy stands: in spec, in status. */
export async function copyOn(stage: Stage, { image, cleaned }: Cast) {
  const { spec, status } = await stage.image(image)
  return {
    wanted: spec.diskFileSpecMap.has(cleaned.uuid),
    state: status.diskFileStatusMap.get(cleaned.uuid)?.state,
  }
}

/** Waits until the file of the copy is really gone. */
export async function untilDrained(stage: Stage, cast: Cast): Promise<void> {
  await stage.until(`the clean-up of ${cast.image} to end`, async () => {
    return (await copyOn(stage, cast)).state === undefined
  })
}

/** Puts everything back as it was before an act: no flag, the manager alive, the copy ready. */
export async function putBack(stage: Stage, cast: Cast): Promise<void> {
  const { node, evicted, image, cleaned } = cast
  expectAdmitted('clearing the eviction', await stage.stopEvicting(node, evicted.name))
  await untilDrained(stage, cast)
  await stage.until(`the longhorn-manager of ${node} to come back`, () => stage.isLive(node), 60_000)
  expectAdmitted('asking for the copy again', await stage.copyTo(image, cleaned.uuid))
  await stage.until(`the copy of ${image} to be ready again`, async () => {
    return (await copyOn(stage, cast)).state === 'ready'
  })
}
