import fc from 'fast-check'
import t from 'tap'
import { eventually, turns } from '../fixtures/eventually.ts'
import type { Fault } from './fake-api-server.ts'
import { path, sameObjects, startFollowing, thing, waitOf, type Following } from './following.ts'
import { depth } from '../fixtures/thorough.ts'

/** Something that happens to the server. */
interface Step {
  readonly name: string
  readonly happen: (following: Following) => void | Promise<void>
}

const names = ['a', 'b', 'c', 'd', 'e']

const writes = fc.oneof(
  fc.tuple(fc.constantFrom(...names), fc.integer({ min: 1, max: 9 })).map(([name, size]): Step => ({
    name: `put ${name}=${size}`,
    happen: ({ server }) => server.store.put(path, thing(name, size)),
  })),
  fc.constantFrom(...names).map((name): Step => ({
    name: `delete ${name}`,
    happen: ({ server }) => server.store.delete(path, name),
  })),
)

const faults: readonly Fault[] = [
  { answer: 500 },
  { answer: 403 },
  { answer: 404, text: '404 page not found' },
  { answer: 429, retryAfter: 2 },
  { errorEvent: 410 },
  { errorEvent: 500 },
  'silent',
  'half-open',
  'cut',
  'reset',
  'malformed',
  'nonsense',
  'close',
]
const failures = fc
  .tuple(
    fc.constantFrom('list' as const, 'watch' as const),
    fc.constantFrom(...faults),
    fc.integer({ min: 1, max: 3 }),
  )
  .map(([verb, fault, times]): Step => ({
    name: `${verb} ${JSON.stringify(fault)} ${times}x`,
    happen: ({ server }) => server.fail(verb, fault, times),
  }))

const accidents = fc.constantFrom<Step>(
  { name: 'watches end', happen: ({ server }) => server.endWatches() },
  { name: 'watches are cut', happen: ({ server }) => server.cutWatches() },
  { name: 'watches fall silent', happen: ({ server }) => server.silenceWatches() },
  { name: 'a bad line', happen: ({ server }) => server.sendToWatches('{"type":\n') },
  { name: 'compaction', happen: ({ server }) => server.store.compact() },
  { name: 'pages expire', happen: ({ server }) => server.expirePages() },
  { name: 'a new history', happen: ({ server }) => server.restart() },
  { name: 'byte by byte', happen: ({ server }) => void (server.slow = true) },
  { name: 'future versions are accepted', happen: ({ server }) => void (server.futureVersion = 'accept') },
  { name: 'a while', happen: ({ clock }) => clock.advance(10_000) },
  {
    name: 'down and up',
    happen: async ({ server }) => {
      await server.down()
      await turns()
      await server.up()
    },
  },
)

const story = fc.array(
  fc.tuple(fc.oneof(writes, failures, accidents), fc.integer({ min: 0, max: 12 })).map(([step, pause]) => ({
    ...step,
    pause,
    toString: () => `${step.name}, ${pause} turns`,
  })),
  { minLength: 1, maxLength: 12 },
)

/** From now on the server behaves, and time goes on until all is known, or surely never will be. */
async function recover(following: Following): Promise<void> {
  const { server, clock, listWatch, known } = following
  server.behave()
  await eventually(() => {
    if (listWatch.state.phase === 'backing-off') clock.advance(waitOf(listWatch))
    // These get no answer: only time ends them.
    if (server.stuck > 0 && server.watches === 0) clock.advance(5_000)
    server.bookmark()
    return listWatch.state.phase === 'watching' && server.watches === 1 && sameObjects(known, server)
  }, 'what is known is what is stored')
}

t.test('after any failure a working server leads to the stored state', async (t) => {
  const play = async (happenings: readonly (Step & { readonly pause: number })[]) => {
    const following = await startFollowing(({ store }) => store.put(path, thing('a')), {
      limits: { pageSize: 2 },
    })
    try {
      for (const { happen, pause } of happenings) {
        await happen(following)
        await turns(pause)
      }
      await recover(following)
    } finally {
      await following.stop()
    }
    if (following.clock.pending > 0) throw new Error(`${following.clock.pending} timers are left`)
  }
  await t.resolves(fc.assert(fc.asyncProperty(story, play), { numRuns: depth(40, 300) }))
})
