import t from 'tap'
import { departures } from './departures.ts'
import type { Scenario } from './scenario.ts'
import { World } from './world.ts'

/** The maximum of requests and steps of Longhorn in a row; other searches do not get so deep. */
const mostSteps = 8

for (const profile of ['A', 'B', 'C'] as const) {
  t.test(
    `objects that go and return, one request after the other, break no promise (${profile})`,
    async (t) => {
      for (const [, scenarios] of departures(profile)) {
        for (const scenario of scenarios) t.equal(await explored(scenario), undefined, scenario.name)
      }
    },
  )
}

/** @returns the trace of a broken promise, in any order in which each request is over before the next begins */
async function explored(scenario: Scenario): Promise<string | undefined> {
  const seen = new Set<string>()
  const ways: string[][] = [[]]
  for (let way = ways.shift(); way; way = ways.shift()) {
    const world = new World(scenario)
    await finish(world)
    for (const step of way) await begin(world, step)
    if (world.broken !== undefined) return `${world.trace.join('; ')} => ${world.broken}`
    const state = world.state()
    if (seen.has(state)) continue
    seen.add(state)
    if (way.length === mostSteps) continue
    for (const { what } of world.steps())
      if (!what.endsWith('reviewed by replica 2')) ways.push([...way, what])
  }
  return undefined
}

async function begin(world: World, what: string): Promise<void> {
  const step = world.steps().find((each) => each.what === what)
  if (!step) throw new Error(`the way is lost: ${what}`)
  await world.take(step)
  await finish(world)
}

/** Has all that is under way done, committed first, and heard of by everybody. */
async function finish(world: World): Promise<void> {
  const starting = (start: string) => world.steps().find(({ what }) => what.startsWith(start))
  const next = () => (world.broken === undefined ? (starting('committed') ?? starting('replica')) : undefined)
  for (let step = next(); step; step = next()) await world.take(step)
}
