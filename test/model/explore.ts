import { hash } from 'node:crypto'
import type { Scenario } from './scenario.ts'
import type { Step } from './step.ts'
import { World } from './world.ts'

/** The result of an exploration. */
export interface Explored {
  readonly scenario: string
  /** The number of different states of an exploration; a random walk counts repeated ones too. */
  readonly states: number
  readonly runs: number
  /** The longest way from the start, in steps. */
  readonly depth: number
  /** The wishes that were committed in some order of things. */
  readonly committed: ReadonlySet<string>
  /** Undefined if every promise was kept. */
  readonly counterExample: readonly string[] | undefined
}

/** A state that was come to. */
interface Known {
  /** In how many steps it was reached, by the shortest way found. */
  steps: number
  /** The state before it on that way, and the step from there. */
  from: Known | undefined
  by: string
  /** The next possible steps that were not tried yet. */
  untried: string[]
}

/**
 * Explores every order of all that can happen within so many steps. No state is explored twice, unless a shorter way
 * to it is found: then more can be reached from it within the depth. The code under test is asynchronous and cannot be
 * copied, so each run begins at the start and follows a known way. Most of the cost lies there, so each run goes on for
 * as long as it comes to states, new or known, where something was not tried yet.
 */
export async function explore(scenario: Scenario, depth: number): Promise<Explored> {
  const seen = new Map<string, Known>()
  /** Those where something was to be tried, in the order in which they were found. */
  const open: Known[] = []
  const labels = new Labels()
  const committed = new Set<string>()
  let [runs, longest] = [0, 0]

  const arrive = (world: World, from: Known | undefined, by: string): Known => {
    const steps = from ? from.steps + 1 : 0
    longest = Math.max(longest, steps)
    const state = hashOf(world)
    const before = seen.get(state)
    if (before && before.steps <= steps) return before
    const untried = steps >= depth || world.isOver ? [] : [...labels.of(world).keys()].reverse()
    const known = Object.assign(before ?? { steps, from, by, untried }, { steps, from, by, untried })
    seen.set(state, known)
    if (untried.length > 0) open.push(known)
    return known
  }

  // The first of them comes first: its way is short, and the run from there goes deep.
  let next = 0
  const nextOpen = (): Known | undefined => {
    while (open[next]?.untried.length === 0) next += 1
    return open[next]
  }

  for (let start = nextOpen(); start || runs === 0; start = nextOpen()) {
    const world = new World(scenario)
    runs += 1
    for (const step of start ? wayTo(start) : []) await world.take(labels.find(world, step))
    let at = start ?? arrive(world, undefined, '')
    for (let step = at.untried.pop(); step !== undefined; step = at.untried.pop()) {
      await world.take(labels.find(world, step))
      at = arrive(world, at, step)
      if (world.broken === undefined) continue
      const counterExample = [...world.trace, `=> ${world.broken}`]
      return { scenario: scenario.name, states: seen.size, runs, depth: longest, committed, counterExample }
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

function wayTo(known: Known): string[] {
  const way: string[] = []
  for (let at = known; at.from; at = at.from) way.push(at.by)
  return way.reverse()
}

/** The names of steps, of which equal states have the same. Kept once each, since most states share them. */
class Labels {
  readonly #kept = new Map<string, string>()

  /** The next possible steps, by unique names. */
  of(world: World): Map<string, Step> {
    const named = new Map<string, Step>()
    for (const step of world.steps()) {
      let label = step.what
      for (let more = 2; named.has(label); more++) label = `${step.what} (${more})`
      named.set(this.#keep(label), step)
    }
    return named
  }

  find(world: World, label: string): Step {
    const step = this.of(world).get(label)
    if (!step) throw new Error(`the way is lost: ${world.trace.join('; ')}; not ${label}`)
    return step
  }

  #keep(label: string): string {
    const kept = this.#kept.get(label)
    if (kept !== undefined) return kept
    this.#kept.set(label, label)
    return label
  }
}

function noteCommits({ trace }: World, committed: Set<string>): void {
  for (const what of trace) if (what.startsWith(commits)) committed.add(what.slice(commits.length))
}

/** The start of a line of the trace about a commit. */
const commits = 'committed: '

/** The options of a random walk. */
export interface WalkOptions {
  /** Steps that the walk does not take, so that it finds a deep counter-example sooner. */
  readonly leaves?: RegExp | undefined
  /** Collects the states, to count different ones. */
  readonly seen?: Set<string> | undefined
}

/**
 * Random walks, for scenarios that are too large to explore. Each has its own seed, one more than the previous, so that a
 * single walk can be repeated. It ends once no promise can be broken.
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
