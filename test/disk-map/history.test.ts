import t from 'tap'
import { History } from '../../src/disk-map/history.ts'
import type { Ended } from '../../src/disk-map/disk-map-view.ts'

const cleanup = (image: string, at: number, diskUUID = 'u1'): Ended => ({
  what: 'clean-up',
  image,
  diskUUID,
  at,
})

/** Adds the ends of clean-ups to a history, each at its time. */
function after(history: History, ...endings: readonly Ended[]): History {
  for (const each of endings) {
    history.add('BackingImage', 'i', { ended: [each], unseen: undefined }, each.at)
  }
  return history
}

const times = (history: History) => [...history.ended()].map(({ at }) => at)

t.test('each thing is remembered once, with the last time that it ended', (t) => {
  const history = after(new History(100), cleanup('a', 1), cleanup('b', 2), cleanup('a', 3))
  t.strictSame(times(history), [2, 3])
  t.strictSame([...history.endedOn('u1')].length, 2)
  t.strictSame([...history.endedOn('u2')], [])
  t.end()
})

t.test('a history on top of another remembers both, and leaves the other alone', (t) => {
  const below = after(new History(100), cleanup('a', 1), cleanup('b', 2, 'u2'))
  below.outageBegan(1)
  const above = after(below.above(), cleanup('a', 3), cleanup('c', 4))
  t.strictSame(times(above), [2, 3, 4], 'what ended again is remembered once')
  t.strictSame(
    [...above.endedOn('u1')].map(({ at }) => at),
    [3, 4],
  )
  t.equal([...above.endedOn('u2')].length, 1)
  t.match(above.outage, { began: 1 })
  t.strictSame(times(below), [1, 2])
  above.add('Node', 'n', { ended: [], unseen: { why: 'missed' } }, 5)
  t.match(above.unseen('Node'), { name: 'n', at: 5 })
  t.equal(below.unseen('Node'), undefined)
  below.add('BackingImage', 'i', { ended: [], unseen: { why: 'missed' } }, 6)
  t.match(above.unseen('BackingImage'), { name: 'i', at: 6 })
  t.end()
})

t.test('old ended changes are forgotten, so that memory stays bounded', (t) => {
  const history = after(new History(100), cleanup('a', 1), cleanup('b', 50), cleanup('c', 102))
  t.strictSame(times(history), [50, 102])
  t.strictSame([...history.endedOn('u1')].length, 2)
  for (let at = 200; at < 10_000; at++) after(history, cleanup(`i${at}`, at))
  t.equal(times(history).length, 101)
  t.end()
})

t.test('a change that ended shortly before an outage is kept for as long as it counts', (t) => {
  const history = after(new History(100), cleanup('a', 1))
  history.outageBegan(20)
  after(history, cleanup('b', 500))
  t.strictSame(times(history), [1, 500], 'it lasts')
  history.outageEnded(600)
  after(history, cleanup('c', 650))
  t.strictSame(times(history), [1, 500, 650], 'it ended a short while ago')
  after(history, cleanup('d', 701))
  t.strictSame(times(history), [650, 701])
  t.end()
})

t.test('outages that come one shortly after the other are one', (t) => {
  const history = new History(100)
  t.equal(history.outage, undefined)
  history.outageEnded(1)
  t.equal(history.outage, undefined, 'an outage that did not begin does not end')
  history.outageBegan(10)
  history.outageBegan(5)
  t.strictSame(history.outage, { began: 5, ended: undefined }, 'another kind has broken earlier')
  history.outageEnded(20)
  history.outageBegan(60)
  t.strictSame(history.outage, { began: 5, ended: undefined })
  history.outageEnded(70)
  history.outageBegan(170)
  t.strictSame(history.outage, { began: 170, ended: undefined }, 'long after it is another')
  t.end()
})

t.test('a history takes over another, and then goes its own way', (t) => {
  const earlier = after(new History(100), cleanup('a', 1))
  earlier.add('Node', 'n', { ended: [], unseen: { why: 'missed' } }, 2)
  earlier.outageBegan(3)
  const later = after(new History(100, earlier), cleanup('b', 4))
  t.strictSame(times(later), [1, 4])
  t.strictSame(later.unseen('Node'), {
    kind: 'Node',
    name: 'n',
    what: { why: 'missed' },
    at: 2,
  })
  t.strictSame(later.outage, { began: 3, ended: undefined })
  t.strictSame(times(earlier), [1])
  t.end()
})
