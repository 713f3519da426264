import t from 'tap'
import { Pace } from '../../src/time/pace.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { follow, path, thing } from './following.ts'

/** A pace whose turns come when the test says so, and whose every piece is over at once. */
function paced() {
  const later: (() => void)[] = []
  let ms = 0
  let isGivenUp = false
  const pace = new Pace(
    () => (ms += 1_000),
    (go) => {
      if (isGivenUp) setImmediate(go)
      else later.push(go)
    },
  )
  /** The next turn, once somebody waits for it. */
  const turn = async (): Promise<void> => {
    try {
      await eventually(() => later.length > 0, 'a turn is waited for')
    } catch (error) {
      // Otherwise the list-watch would never stop.
      isGivenUp = true
      throw error
    }
    later.shift()?.()
    await turns()
  }
  return { pace, later, turn }
}

t.test('a first list is read and passed on in turns, and counts as read after the last', async (t) => {
  const { pace, turn, later } = paced()
  const { listWatch, changes, server } = await follow(
    t,
    ({ store }) => ['a', 'b', 'c'].forEach((name) => store.put(path, thing(name))),
    { pace, limits: { pageSize: 2 } },
  )
  // Each page is read in a turn, and each object of it in another.
  for (let count = 0; count < 2 + 3; count += 1) {
    t.strictSame(changes, [], 'nothing is passed on before the last page')
    await turn()
  }
  for (const known of [1, 2, 3]) {
    t.equal(listWatch.synced, false)
    t.equal(listWatch.ageMs(), Infinity)
    t.equal(listWatch.resourceVersion, undefined)
    await turn()
    t.equal(changes.length, known)
  }
  t.equal(listWatch.synced, true)
  await eventually(() => server.watches === 1)
  t.strictSame(later, [])
})

t.test('a later list is passed on in one run, since changes are judged meanwhile', async (t) => {
  const { pace, turn } = paced()
  const { listWatch, changes, server, clock } = await follow(
    t,
    ({ store }) => ['a', 'b'].forEach((name) => store.put(path, thing(name))),
    { pace },
  )
  for (let count = 0; count < 1 + 2 + 2; count += 1) await turn()
  await eventually(() => server.watches === 1)
  server.fail('watch', { answer: 500 })
  server.endWatches()
  await eventually(() => listWatch.state.phase === 'backing-off')
  for (const name of ['a', 'b']) server.store.put(path, thing(name, 2))
  server.store.compact()
  clock.advance(400)
  for (let count = 0; count < 1 + 2; count += 1) {
    t.equal(changes.length, 2)
    await turn()
  }
  await eventually(() => listWatch.counters.lists === 2)
  t.equal(changes.length, 4)
})

t.test('a list-watch that is stopped between two turns passes nothing on any longer', async (t) => {
  const { pace, turn, later } = paced()
  const { listWatch, changes } = await follow(
    t,
    ({ store }) => ['a', 'b'].forEach((name) => store.put(path, thing(name))),
    { pace },
  )
  for (let count = 0; count < 1 + 2 + 1; count += 1) await turn()
  t.equal(changes.length, 1)
  const stopped = listWatch.stop()
  later.shift()?.()
  await stopped
  t.equal(changes.length, 1)
  t.equal(listWatch.synced, false)
})
