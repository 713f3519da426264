import t from 'tap'
import { trendOf } from './memory.ts'

t.test('memory that rises by 20 MiB or 15 % at most is flat', (t) => {
  const rising = (from: number, to: number) => Array.from({ length: 24 }, (_, at) => (at < 14 ? from : to))
  t.match(trendOf(rising(70, 89)), { first: 70, last: 89, isFlat: true })
  t.match(trendOf(rising(70, 91)), { isFlat: false })
  t.match(trendOf(rising(200, 229)), { isFlat: true })
  t.match(trendOf(rising(200, 231)), { isFlat: false })
  t.end()
})

t.test('what a process takes while it warms up does not count', (t) => {
  t.match(trendOf([40, 60, 75, 85, ...Array.from({ length: 6 }, () => 90)]), {
    first: 90,
    last: 90,
    isFlat: true,
  })
  t.end()
})

t.test('a process that has just started is not judged', (t) => {
  t.equal(trendOf([70, 80, 90, 90, 300, 300, 300, 300]), undefined)
  t.end()
})
