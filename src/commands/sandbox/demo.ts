import type { StoryLine } from '../../page/story.ts'
import type { Colours } from '../terminal.ts'
import {
  canCrash,
  type DemoTargets,
  guardHolds,
  DemoFailed,
  type RequestOutcome,
  type DemoCluster,
  theEvictedDisk,
} from './demo-cluster.ts'

/** The parts of the story besides its stage. */
interface DemoModules {
  readonly cluster: DemoCluster
  readonly targets: DemoTargets
  readonly printer: Printer
  /** Starts the guard and registers its webhook; resolves once it decides. */
  readonly startGuard: () => Promise<void>
}

/** How many managers crashed. */
export interface CrashCount {
  readonly guardOff: number
  readonly guardOn: number
}

/**
 * Plays the story on a real cluster, and prints each sentence after the fact.
 *
 * @throws DemoFailed if the cluster behaves differently
 */
export async function runDemo({ cluster, targets, printer, startGuard }: DemoModules): Promise<CrashCount> {
  await showWithoutGuard(cluster, targets, printer)
  const guardOff = cluster.crashes.length
  await startGuard()
  await showWithGuard(cluster, targets, printer)
  await showDryRun(cluster, targets, printer)
  const guardOn = cluster.crashes.length - guardOff
  printer.title('The end')
  printer.say(`Manager crashes: ${guardOff} with the guard off, ${guardOn} with it on.`)
  const expected = canCrash(targets) ? 1 : 0
  if (guardOff !== expected || guardOn !== 0) {
    throw new DemoFailed(`expected ${expected} with the guard off and 0 with it on`)
  }
  return { guardOff, guardOn }
}

/** Throws unless the request was allowed, as the story says. */
function expectAdmitted(what: string, outcome: RequestOutcome): void {
  if (outcome.admitted) return
  throw new DemoFailed(`${what} should have been admitted, but got ${outcome.code}: ${outcome.message}`)
}

/** Throws unless the rule for evictions held the request, with 429. */
function expectHeld(what: string, outcome: RequestOutcome): void {
  if (outcome.code === 429 && outcome.message.includes('eviction-during-cleanup')) return
  throw new DemoFailed(`${what} should have been held back, but got ${outcome.code}: ${outcome.message}`)
}

/**
 * Evicts, and waits for a limited time only, so that the guard says why it holds the eviction. A busy machine
 * may not answer in that time; then it retries.
 */
async function evictBriefly(
  cluster: DemoCluster,
  { node, evicted, requestTimeout }: DemoTargets,
): Promise<RequestOutcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await cluster.evict(node, evicted.name, { timeout: requestTimeout })
    if (outcome.code < 500 || attempt === 5) return outcome
  }
}

/**
 * Asks by a dry run, which does not wait, until it would be allowed: an ended change still counts for a
 * while.
 */
async function untilAdmitted(
  cluster: DemoCluster,
  what: string,
  ask: () => Promise<RequestOutcome>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await ask()
    if (attempt === mostQuestions) expectAdmitted(what, outcome)
    if (outcome.admitted) return
    await cluster.pause(betweenQuestionsMs)
  }
}

/** Half a minute of them, at least. */
const mostQuestions = 100
const betweenQuestionsMs = 300

/** The state of the copy in spec and in status. */
async function copyOn(cluster: DemoCluster, { image, cleaned }: DemoTargets) {
  const { spec, status } = await cluster.image(image)
  const wanted = spec.diskFileSpecMap.get(cleaned.uuid)
  return {
    wanted: wanted !== undefined,
    isEvicted: wanted?.evictionRequested === true,
    state: status.diskFileStatusMap.get(cleaned.uuid)?.state,
  }
}

/** Waits until the file of the copy is deleted. */
async function untilDrained(cluster: DemoCluster, targets: DemoTargets): Promise<void> {
  await cluster.until(`the clean-up of ${targets.image} to end`, async () => {
    return (await copyOn(cluster, targets)).state === undefined
  })
}

/** Restores the state before an act: no flag, the manager alive, the copy ready. */
async function putBack(cluster: DemoCluster, targets: DemoTargets): Promise<void> {
  const { node, evicted, image, cleaned } = targets
  expectAdmitted('clearing the eviction', await cluster.stopEvicting(node, evicted.name))
  await untilDrained(cluster, targets)
  await cluster.until(`the longhorn-manager of ${node} to come back`, () => cluster.isLive(node), 60_000)
  expectAdmitted('asking for the copy again', await cluster.copyTo(image, cleaned.uuid))
  await cluster.until(`the copy of ${image} to be ready again`, async () => {
    const { wanted, isEvicted, state } = await copyOn(cluster, targets)
    // A manager that still has the flag in hand may move the copy away once more.
    if (!wanted && state === undefined)
      expectAdmitted('asking for the copy again', await cluster.copyTo(image, cleaned.uuid))
    return wanted && !isEvicted && state === 'ready'
  })
}

/** The dangerous order without a guard. */
async function showWithoutGuard(cluster: DemoCluster, targets: DemoTargets, printer: Printer): Promise<void> {
  const { image, node, cleaned, evicted, release } = targets
  const before = cluster.crashes.length
  printer.title('Act 1. The guard is off')
  expectAdmitted('the clean-up', await cluster.cleanUp(image, cleaned.uuid))
  printer.say(
    `You clean up the copy of ${image} on ${cleaned.name} of ${node}. It is gone from spec; deleting the file takes a while.`,
  )
  expectAdmitted('the eviction', await cluster.evict(node, evicted.name))
  printer.say(`Meanwhile you evict ${theEvictedDisk(targets)}. The API server admits it.`)
  if (canCrash(targets)) {
    await cluster.until(`the longhorn-manager of ${node} to crash`, () => cluster.crashes.length > before)
    printer.bad(`The longhorn-manager of ${node} crashes: ${cluster.crashes.at(-1)?.message ?? ''}`)
    printer.say(
      'While it is down, so are the volumes, the REST API and the webhook of Longhorn on that node.',
    )
    await cluster.pause(targets.dangerMs)
  }
  printer.say('You clear the eviction, the clean-up ends, and the copy is made again.')
  await putBack(cluster, targets)
  const crashed = cluster.crashes.length - before
  if (!canCrash(targets)) {
    if (crashed > 0) throw new DemoFailed(`${release} should not crash, but a manager did`)
    printer.good(`Longhorn ${release} survives this: nothing crashes here with or without the guard.`)
  }
}

/** Asks like kubectl: it retries a request that is held for longer than one request lasts. */
async function patientEviction(
  cluster: DemoCluster,
  { node, evicted }: DemoTargets,
): Promise<RequestOutcome> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await cluster.evict(node, evicted.name)
    if (outcome.code !== 429 || attempt === 10) return outcome
  }
}

/** The same two requests with the guard. */
async function showWithGuard(cluster: DemoCluster, targets: DemoTargets, printer: Printer): Promise<void> {
  const { image, node, cleaned, evicted, release } = targets
  const before = cluster.crashes.length
  printer.title('Act 2. The guard is on, the same two requests')
  if (canCrash(targets)) {
    printer.say(
      `An ended clean-up counts for a while longer, since Longhorn may not have noticed: here for ${targets.settle}, in a cluster for 10s. A guard that has just started waits that long too.`,
    )
  }
  expectAdmitted('the clean-up', await cluster.cleanUp(image, cleaned.uuid))
  printer.say(`You clean up the copy of ${image} on ${cleaned.name} of ${node}.`)
  const first = await evictBriefly(cluster, targets)
  printer.say(`You evict ${theEvictedDisk(targets)}.`)
  if (guardHolds(targets)) {
    expectHeld('the eviction', first)
    printer.good(
      `Holdfast holds the request. You wait for ${targets.requestTimeout} only, so it answers with the reason:`,
    )
    printer.quote(first)
    const more = canCrash(targets) ? `, and ${targets.settle} more` : ''
    printer.say(`You retry, and wait. It takes as long as the clean-up does${more}.`)
    expectAdmitted('the eviction, held until the clean-up has ended', await patientEviction(cluster, targets))
    printer.good('The clean-up has ended, and the eviction is admitted.')
  } else {
    expectAdmitted('the eviction', first)
    printer.good(`Holdfast only warns: Longhorn ${release} does not evict backing images.`)
  }
  await cluster.until(`the eviction of ${node} to be seen`, async () => {
    const disk = (await cluster.node(node)).spec.disks.get(evicted.name)
    return disk?.evictionRequested === true && cluster.isLive(node)
  })
  printer.say('You clear the eviction, and the copy is made again.')
  await putBack(cluster, targets)
  if (cluster.crashes.length > before) throw new DemoFailed('a manager crashed although the guard was on')
  printer.good(`The longhorn-manager of ${node} was alive all the time.`)
}

/** The same once more as a dry run: the same verdicts, and nothing changes. */
async function showDryRun(cluster: DemoCluster, targets: DemoTargets, printer: Printer): Promise<void> {
  const { image, node, cleaned, evicted } = targets
  const dryRun = true
  printer.title('Act 3. The same as a dry run')
  await untilAdmitted(cluster, 'the clean-up as a dry run', () =>
    cluster.cleanUp(image, cleaned.uuid, { dryRun }),
  )
  if (!(await copyOn(cluster, targets)).wanted) throw new DemoFailed('a dry run removed the copy')
  printer.good(
    `You ask, as a dry run, to clean up the copy of ${image} on ${cleaned.name}: it would be admitted, and nothing changes.`,
  )
  expectAdmitted('the clean-up', await cluster.cleanUp(image, cleaned.uuid))
  printer.say('You clean it up for real, and ask, as a dry run, for the eviction.')
  const held = await cluster.evict(node, evicted.name, { dryRun })
  if (guardHolds(targets)) {
    expectHeld('the eviction as a dry run', held)
    printer.good('The same verdict as in act 2, and at once:')
    printer.quote({ ...held, message: held.message.split('\n')[0] ?? '' })
  } else {
    expectAdmitted('the eviction as a dry run', held)
    printer.good('It would be admitted, as in act 2.')
  }
  await untilDrained(cluster, targets)
  await untilAdmitted(cluster, 'the eviction as a dry run, later', () =>
    cluster.evict(node, evicted.name, { dryRun }),
  )
  if ((await cluster.node(node)).spec.disks.get(evicted.name)?.evictionRequested !== false) {
    throw new DemoFailed('a dry run raised a flag')
  }
  printer.good(
    `After the clean-up the eviction of ${evicted.name} would be admitted, and nothing has changed.`,
  )
  await putBack(cluster, targets)
}

/** Prints the story line by line, in plain sentences, and passes each line to a listener. */
export class Printer {
  readonly #write: (line: string) => void
  readonly #colours: Colours
  readonly #onLine: (line: StoryLine) => void

  constructor(
    write: (line: string) => void,
    colours: Colours,
    onLine: (line: StoryLine) => void = () => undefined,
  ) {
    this.#write = write
    this.#colours = colours
    this.#onLine = onLine
  }

  title(text: string): void {
    this.#write('')
    this.#write(this.#colours.bold(text))
    this.#onLine({ tone: 'title', text })
  }

  say(text: string): void {
    this.#write(`  ${text}`)
    this.#onLine({ tone: 'plain', text })
  }

  good(text: string): void {
    this.#write(`  ${this.#colours.green('✓')} ${text}`)
    this.#onLine({ tone: 'good', text })
  }

  bad(text: string): void {
    this.#write(`  ${this.#colours.red('✗')} ${text}`)
    this.#onLine({ tone: 'bad', text })
  }

  /** The API server's answer, word for word. */
  quote({ code, message }: RequestOutcome): void {
    const text = `${code}: ${message}`
    for (const line of text.split('\n')) this.#write(`      ${this.#colours.dim(line)}`)
    this.#onLine({ tone: 'quote', text })
  }
}
