import type { StoryLine } from '../../page/story.ts'
import type { Colours } from '../terminal.ts'
import {
  canCrash,
  type Cast,
  isHeld,
  NotAsTold,
  type Outcome,
  type Stage,
  theEvictedDisk,
} from './demo-cluster.ts'

/** The parts of the story besides its stage. */
interface StoryModules {
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
 * Plays the story on a real cluster, and prints each sentence after the fact.
 *
 * @throws NotAsTold if the cluster behaves differently
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

/** Throws unless the request was allowed, as the story says. */
function expectAdmitted(what: string, outcome: Outcome): void {
  if (outcome.admitted) return
  throw new NotAsTold(`${what} should have been admitted, but got ${outcome.code}: ${outcome.message}`)
}

/** Throws unless the rule for evictions held the request, with 429. */
function expectHeld(what: string, outcome: Outcome): void {
  if (outcome.code === 429 && outcome.message.includes('eviction-during-cleanup')) return
  throw new NotAsTold(`${what} should have been held back, but got ${outcome.code}: ${outcome.message}`)
}

/**
 * Evicts, and waits for a limited time only, so that the guard says why it holds the eviction. A busy machine
 * may not answer in that time; then it retries.
 */
async function evictBriefly(stage: Stage, { node, evicted, patience }: Cast): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await stage.evict(node, evicted.name, { timeout: patience })
    if (outcome.code < 500 || attempt === 5) return outcome
  }
}

/**
 * Asks by a dry run, which does not wait, until it would be allowed: an ended change still counts for a
 * while.
 */
async function untilAdmitted(stage: Stage, what: string, ask: () => Promise<Outcome>): Promise<void> {
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

/** The state of the copy in spec and in status. */
async function copyOn(stage: Stage, { image, cleaned }: Cast) {
  const { spec, status } = await stage.image(image)
  return {
    wanted: spec.diskFileSpecMap.has(cleaned.uuid),
    state: status.diskFileStatusMap.get(cleaned.uuid)?.state,
  }
}

/** Waits until the file of the copy is deleted. */
async function untilDrained(stage: Stage, cast: Cast): Promise<void> {
  await stage.until(`the clean-up of ${cast.image} to end`, async () => {
    return (await copyOn(stage, cast)).state === undefined
  })
}

/** Restores the state before an act: no flag, the manager alive, the copy ready. */
async function putBack(stage: Stage, cast: Cast): Promise<void> {
  const { node, evicted, image, cleaned } = cast
  expectAdmitted('clearing the eviction', await stage.stopEvicting(node, evicted.name))
  await untilDrained(stage, cast)
  await stage.until(`the longhorn-manager of ${node} to come back`, () => stage.isLive(node), 60_000)
  expectAdmitted('asking for the copy again', await stage.copyTo(image, cleaned.uuid))
  await stage.until(`the copy of ${image} to be ready again`, async () => {
    return (await copyOn(stage, cast)).state === 'ready'
  })
}

/** The dangerous order without a guard. */
async function actWithoutGuard(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
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
    await stage.pause(cast.dangerMs)
  }
  narrator.say('You clear the eviction, the clean-up ends, and the copy is made again.')
  await putBack(stage, cast)
  const crashed = stage.crashes.length - before
  if (!canCrash(cast)) {
    if (crashed > 0) throw new NotAsTold(`${release} should not crash, but a manager did`)
    narrator.good(`Longhorn ${release} survives this: nothing crashes here with or without the guard.`)
  }
}

/** Asks like kubectl: it retries a request that is held for longer than one request lasts. */
async function patientEviction(stage: Stage, { node, evicted }: Cast): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await stage.evict(node, evicted.name)
    if (outcome.code !== 429 || attempt === 10) return outcome
  }
}

/** The same two requests with the guard. */
async function actWithGuard(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
  const { image, node, cleaned, evicted, release } = cast
  const before = stage.crashes.length
  narrator.title('Act 2. The guard is on, the same two requests')
  if (canCrash(cast)) {
    narrator.say(
      `An ended clean-up counts for a while longer, since Longhorn may not have noticed: here for ${cast.settle}, in a cluster for 10s. A guard that has just started waits that long too.`,
    )
  }
  expectAdmitted('the clean-up', await stage.cleanUp(image, cleaned.uuid))
  narrator.say(`You clean up the copy of ${image} on ${cleaned.name} of ${node}.`)
  const first = await evictBriefly(stage, cast)
  narrator.say(`You evict ${theEvictedDisk(cast)}.`)
  if (isHeld(cast)) {
    expectHeld('the eviction', first)
    narrator.good(
      `Holdfast holds the request. You wait for ${cast.patience} only, so it answers with the reason:`,
    )
    narrator.quote(first)
    const more = canCrash(cast) ? `, and ${cast.settle} more` : ''
    narrator.say(`You retry, and wait. It takes as long as the clean-up does${more}.`)
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

/** The same once more as a dry run: the same verdicts, and nothing changes. */
async function actDryRun(stage: Stage, cast: Cast, narrator: Narrator): Promise<void> {
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
    narrator.quote({ ...held, message: held.message.split('\n')[0] ?? '' })
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

/** Prints the story line by line, in plain sentences, and passes each line to a listener. */
export class Narrator {
  readonly #write: (line: string) => void
  readonly #colours: Colours
  readonly #hear: (line: StoryLine) => void

  constructor(
    write: (line: string) => void,
    colours: Colours,
    hear: (line: StoryLine) => void = () => undefined,
  ) {
    this.#write = write
    this.#colours = colours
    this.#hear = hear
  }

  title(text: string): void {
    this.#write('')
    this.#write(this.#colours.bold(text))
    this.#hear({ tone: 'title', text })
  }

  say(text: string): void {
    this.#write(`  ${text}`)
    this.#hear({ tone: 'plain', text })
  }

  good(text: string): void {
    this.#write(`  ${this.#colours.green('✓')} ${text}`)
    this.#hear({ tone: 'good', text })
  }

  bad(text: string): void {
    this.#write(`  ${this.#colours.red('✗')} ${text}`)
    this.#hear({ tone: 'bad', text })
  }

  /** The API server's answer, word for word. */
  quote({ code, message }: Outcome): void {
    const text = `${code}: ${message}`
    for (const line of text.split('\n')) this.#write(`      ${this.#colours.dim(line)}`)
    this.#hear({ tone: 'quote', text })
  }
}
