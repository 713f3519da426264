import { createHash } from 'node:crypto'
import type { Scenario } from './scenario.ts'
import type { Step } from './step.ts'
import { World } from './world.ts'

/** What an exploration came to. */
export interface Explored {
  readonly scenario: string
  readonly states: number
  readonly runs: number
  /** The longest way from the start, in steps. */
  readonly depth: number
  /** The wishes that were committed in some order of things. */
  readonly committed: ReadonlySet<string>
  /** Undefined if every promise was kept. */
  readonly counterExample: readonly string[] | undefined
}

/**
 * Explores every order of all that can happen within so many steps, no state twice and the near ones first, so that
 * a counter-example is as short as can be. The code under test is asynchronous and cannot be copied, so each run
 * begins at the start and follows a known way to a new state.
 */
export async function explore(scenario: Scenario, depth: number): Promise<Explored> {
  const seen = new Set<string>()
  const ways: (readonly number[])[] = [[]]
  let runs = 0
  let longest = 0
  const committed = new Set<string>()
  // The list grows while it is walked through.
  for (const way of ways) {
    const world = new World(scenario)
    runs += 1
    longest = way.length
    for (const choice of way) await world.take(chosen(world, choice))
    noteCommits(world, committed)
    const explored = { scenario: scenario.name, runs, depth: longest, committed }
    if (world.broken !== undefined) {
      return { ...explored, states: seen.size, counterExample: [...world.trace, `=> ${world.broken}`] }
    }
    const state = createHash('sha1').update(world.state()).digest('base64')
    if (seen.has(state)) continue
    seen.add(state)
    if (way.length < depth) world.steps().forEach((_, choice) => ways.push([...way, choice]))
  }
  return {
    scenario: scenario.name,
    states: seen.size,
    runs,
    depth: longest,
    committed,
    counterExample: undefined,
  }
}

function noteCommits({ trace }: World, committed: Set<string>): void {
  for (const what of trace) if (what.startsWith(commits)) committed.add(what.slice(commits.length))
}

/** How the trace begins a line that tells of a commit. */
const commits = 'committed: '

function chosen(world: World, choice: number): Step {
  const step = world.steps()[choice]
  if (!step) throw new Error(`the way is lost: ${world.trace.join('; ')}`)
  return step
}

/**
 * Random walks, for what is too large to be explored. Each has a seed of its own, the next of the one before, so that a
 * walk can be taken again alone.
 *
 * @param leaves steps that are not taken, where what is looked for lies deep
 */
export async function walk(
  scenario: Scenario,
  walks: number,
  depth: number,
  seed: number,
  leaves?: RegExp,
): Promise<Explored> {
  let [states, longest] = [0, 0]
  const committed = new Set<string>()
  for (let runs = 1; runs <= walks; runs++) {
    const random = generator(seed + runs - 1)
    const world = new World(scenario)
    for (let at = 0; at < depth; at++) {
      const steps = world.steps().filter(({ what }) => leaves?.test(what) !== true)
      const step = steps[Math.floor(random() * steps.length)]
      if (!step) break
      await world.take(step)
      states += 1
      longest = Math.max(longest, at + 1)
      noteCommits(world, committed)
      if (world.broken === undefined) continue
      const counterExample = [...world.trace, `=> ${world.broken}`]
      return { scenario: scenario.name, states, runs, depth: longest, committed, counterExample }
    }
  }
  return {
    scenario: scenario.name,
    states,
    runs: walks,
    depth: longest,
    committed,
    counterExample: undefined,
  }
}

/** Mulberry32: numbers from 0 up to but not including 1. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
