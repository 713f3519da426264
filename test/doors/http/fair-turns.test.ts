import t from 'tap'
import { FairTurns, type FairTurnsLimits } from '../../../src/doors/http/fair-turns.ts'

/** Turns whose work takes the given time by a fake clock, and an event loop that the test drives. */
function world(limits: Partial<FairTurnsLimits> = {}) {
  let now = 0
  let later: (() => void) | undefined
  const rests: number[] = []
  const done: string[] = []
  const turns = new FairTurns(
    { goMs: 5, mostWaitingBytes: 1_000, mostPeers: 100, bytesPerMs: 1, ...limits },
    () => now,
    (go, restMs) => {
      later = go
      rests.push(restMs)
    },
  )
  const ask = (peer: string, name: string, ms: number, bytes = 1) => {
    const work = () => {
      now += ms
      done.push(name)
    }
    turns.take(peer, bytes, work, () => done.push(`not ${name}`))
  }
  const comeRound = () => {
    const go = later
    later = undefined
    go?.()
  }
  return { turns, ask, comeRound, done, rests }
}

t.test('a single task runs at once', (t) => {
  const { ask, done } = world()
  ask('a', 'one', 1)
  ask('b', 'two', 1)
  t.strictSame(done, ['one', 'two'])
  t.end()
})

t.test('a long task lets the event loop run before the next', (t) => {
  const { turns, ask, comeRound, done } = world()
  for (const name of ['one', 'two', 'three']) ask('a', name, 100)
  t.strictSame(done, ['one'])
  t.equal(turns.waitingBytes, 2)
  comeRound()
  t.strictSame(done, ['one', 'two'])
  comeRound()
  t.strictSame(done, ['one', 'two', 'three'])
  comeRound()
  t.equal(turns.waitingBytes, 0)
  t.end()
})

t.test('after a long task the next one waits a while, so that others can go on', (t) => {
  const { ask, comeRound, rests } = world()
  for (const ms of [19, 20, 200, 4_000]) {
    ask('a', `${ms} ms`, ms)
    comeRound()
    comeRound()
  }
  t.strictSame(
    rests.filter((ms) => ms > 0),
    [5, 50, 100],
  )
  t.end()
})

t.test('a peer that has cost little does not wait for all of another', (t) => {
  const { ask, comeRound, done } = world()
  for (let count = 0; count < 50; count += 1) ask('attacker', `large ${count}`, 100)
  ask('api server', 'review', 1)
  comeRound()
  t.strictSame(done.slice(0, 2), ['large 0', 'review'])
  for (let count = 0; count < 5; count += 1) {
    ask('api server', `review ${count}`, 1)
    comeRound()
    t.ok(done.includes(`review ${count}`))
  }
  t.end()
})

t.test('the peer with the most work loses its latest if too much waits', (t) => {
  const { turns, ask, comeRound, done } = world({ mostWaitingBytes: 100 })
  ask('attacker', 'first', 100)
  for (const name of ['one', 'two', 'three']) ask('attacker', name, 100, 40)
  ask('api server', 'review', 1, 50)
  t.strictSame(done, ['first', 'not three', 'not two'])
  t.equal(turns.waitingBytes, 90)
  for (let count = 0; count < 3; count += 1) comeRound()
  t.strictSame(done.slice(3).toSorted(), ['one', 'review'])
  t.end()
})

t.test('the cost of a peer is forgotten once it has no waiting task', (t) => {
  const { ask, comeRound, done } = world()
  ask('a', 'long', 300)
  comeRound()
  comeRound()
  ask('b', 'other', 100)
  ask('b', 'other again', 1)
  ask('a', 'short', 1)
  comeRound()
  t.strictSame(done, ['long', 'other', 'short', 'other again'])
  t.end()
})

t.test('a peer does not wait for addresses that come once each with long tasks', (t) => {
  const { ask, comeRound, done } = world({ mostWaitingBytes: 10_000 })
  const long = (name: string) => ask(name, name, 100, 100)
  // It has cost next to nothing, and less than the reviews below.
  ask('10.0.0.1', 'tiny', 0.01)
  ask('api server', 'first review', 2)
  for (let count = 0; count < 20; count += 1) long(`10.0.1.${count}`)
  // Longer than one of the others counts for.
  for (let count = 0; count < 300; count += 1) {
    ask('api server', `review ${count}`, 1)
    // There are always more of them.
    long(`10.0.2.${count}`)
    comeRound()
    t.ok(done.includes(`review ${count}`), `review ${count}, after ${done.length} others`)
  }
  t.end()
})

t.test('a peer with many short tasks does not keep others from a long one', (t) => {
  const { ask, comeRound, done } = world({ mostWaitingBytes: 10_000 })
  ask('api server', 'first review', 5)
  ask('other', 'long', 100, 100)
  for (let count = 0; count < 60; count += 1) {
    for (let each = 0; each < 5; each += 1) ask('api server', `review ${count} ${each}`, 1)
    comeRound()
  }
  t.ok(done.includes('long'), 'it comes once the others have cost as much')
  t.end()
})

t.test('addresses that come once each are forgotten, while others always wait', (t) => {
  const { turns, ask, comeRound, done } = world({ mostPeers: 10 })
  for (let count = 0; count < 100; count += 1) {
    for (const name of ['first', 'second']) ask('busy', `${name} ${count}`, 100)
    ask(`10.0.0.${count}`, `small ${count}`, 1)
    comeRound()
  }
  t.ok(turns.peers <= 11, `${turns.peers} are remembered`)
  while (turns.waitingBytes > 0) comeRound()
  t.equal(done.length, 300, 'and all are done')
  t.end()
})
