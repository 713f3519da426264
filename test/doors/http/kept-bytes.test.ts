import t from 'tap'
import { KeptBytes } from '../../../src/doors/webhook/waiting-reviews.ts'

/** Room for a hundred bytes, and the names that gave way. */
function keeping() {
  const kept = new KeptBytes(100)
  const gaveWay: string[] = []
  const keep = (name: string, peer: string, bytes: number) =>
    kept.keep({ peer, bytes, giveWay: () => void gaveWay.push(name) })
  return { kept, keep, gaveWay }
}

t.test('while there is room no body gives way, and a released one makes room', (t) => {
  const { kept, keep, gaveWay } = keeping()
  const release = keep('a', '10.0.0.1', 60)
  keep('b', '10.0.0.2', 40)
  release()
  release()
  keep('c', '10.0.0.1', 60)
  t.strictSame([kept.bytes, gaveWay], [100, []])
  t.end()
})

t.test('beyond that the latest of the peer with the most gives way, and others keep theirs', (t) => {
  const { kept, keep, gaveWay } = keeping()
  keep('own', '10.0.0.1', 20)
  keep('first', '10.0.0.9', 40)
  const second = keep('second', '10.0.0.9', 40)
  keep('more', '10.0.0.1', 10)
  t.strictSame(gaveWay, ['second'])
  t.equal(kept.bytes, 70)
  second()
  t.equal(kept.bytes, 70, 'it does not count any more')
  t.end()
})

t.test('a body without room gives way itself', (t) => {
  const { kept, keep, gaveWay } = keeping()
  keep('own', '10.0.0.1', 20)
  keep('huge', '10.0.0.9', 200)
  t.strictSame([kept.bytes, gaveWay], [20, ['huge']])
  keep('nothing', '10.0.0.9', 0)
  t.strictSame(gaveWay, ['huge'], 'a request without memory makes no room either')
  t.end()
})

t.test('a peer presses if more is kept than should be and no other keeps as much', (t) => {
  const { kept, keep } = keeping()
  keep('a', '10.0.0.1', 20)
  keep('b', '10.0.0.9', 40)
  t.strictSame([kept.isPressedBy('10.0.0.9', 60), kept.isPressedBy('10.0.0.9', 59)], [false, true])
  t.equal(kept.isPressedBy('10.0.0.1', 59), false)
  t.end()
})
