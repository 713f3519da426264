import { hash } from 'node:crypto'
import type { Scenario } from './scenario.ts'
import type { Step } from './step.ts'
import { World } from './world.ts'

/** What an exploration came to. */
export interface Explored {
  readonly scenario: string
  /** Different ones if it was explored; each that a random walk came to, even twice. */
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
 * Explores every order of all that can happen within so many steps. No state is explored twice, unless a shorter way
 * to it is found: then more can be reached from it within the depth. The code under test is asynchronous and cannot be
 * copied, so each run begins at the start and follows a known way. Most of the cost lies there, so each run goes on
 * from one new state to the next as long as it comes to any, and leaves the other ways from there for later.
 */
export async function explore(scenario: Scenario, depth: number): Promise<Explored> {
  /** In how many steps each state was reached. */
  const seen = new Map<string, number>()
  const ways: (readonly number[])[] = [[]]
  let runs = 0
  let longest = 0
  const committed = new Set<string>()
  // The list grows while it is walked through.
  for (const begun of ways) {
    const world = new World(scenario)
    runs += 1
    for (const choice of begun) await world.take(chosen(world, choice))
    for (let way = begun; ; way = [...way, 0]) {
      longest = Math.max(longest, way.length)
      if (world.broken !== undefined) {
        const counterExample = [...world.trace, `=> ${world.broken}`]
        return { scenario: scenario.name, states: seen.size, runs, depth: longest, committed, counterExample }
      }
      const state = hashOf(world)
      const before = seen.get(state) ?? Infinity
      if (before <= way.length) break
      seen.set(state, way.length)
      if (way.length >= depth || world.isOver) break
      const [first, ...others] = world.steps()
      if (!first) break
      for (const choice of others.keys()) ways.push([...way, choice + 1])
      await world.take(first)
    }
    noteCommits(world, committed)
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

/** What a random walk may be told. */
export interface WalkOptions {
  /** Steps that are not taken, where what is looked for lies deep. */
  readonly leaves?: RegExp | undefined
  /** Where the states are put that it comes to, so that those are known that are different. */
  readonly seen?: Set<string> | undefined
}

/**
 * Random walks, for what is too large to be explored. Each has a seed of its own, the next of the one before, so that a
 * walk can be taken again alone. It ends where no promise can be broken any more.
 */
export async function walk(
  scenario: Scenario,
  walks: number,
  depth: number,
  seed: number,
  { leaves, seen }: WalkOptions = {},
): Promise<Explored> {
  let [states, longest] = [0, 0]
  const committed = new Set<string>()
  for (let runs = 1; runs <= walks; runs++) {
    const random = generator(seed + runs - 1)
    const world = new World(scenario)
    for (let at = 0; at < depth && !world.isOver; at++) {
      const steps = world.steps().filter(({ what }) => leaves?.test(what) !== true)
      const step = steps[Math.floor(random() * steps.length)]
      if (!step) break
      await world.take(step)
      states += 1
      longest = Math.max(longest, at + 1)
      seen?.add(hashOf(world))
      if (world.broken === undefined) continue
      noteCommits(world, committed)
      const counterExample = [...world.trace, `=> ${world.broken}`]
      return { scenario: scenario.name, states, runs, depth: longest, committed, counterExample }
    }
    noteCommits(world, committed)
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

function hashOf(world: World): string {
  return hash('sha1', world.state(), 'base64')
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
