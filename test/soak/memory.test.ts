import t from 'tap'
import { judgeMemory, type Look, trendsOf } from './memory.ts'

const limit = 512

/** Looks at a guard that keeps so much, and has so much resident. */
function looks(
  count: number,
  live: (at: number) => number | undefined,
  resident: (at: number) => number = () => 100,
): Look[] {
  return Array.from({ length: count }, (_, at) => ({ live: live(at), resident: resident(at) }))
}
const judged = (looks: readonly Look[]): string[] => judgeMemory({ name: 'holdfast-1', looks }, limit)

t.test('a guard that keeps more and more fails, though its resident memory stays where it is', (t) => {
  const leak = looks(10, (at) => 24 + at * 2.5)
  t.strictSame(judged(leak), ['what holdfast-1 keeps grows from 37 MiB to 47 MiB'])
  t.strictSame(judged(looks(120, (at) => 24 + at / 8)), ['what holdfast-1 keeps grows from 27 MiB to 37 MiB'])
  t.end()
})

t.test('memories that fill up to their limits are no leak', (t) => {
  t.strictSame(judged(looks(10, (at) => 24 + Math.min(8, at * 2))), [])
  t.strictSame(judged(looks(120, (at) => 24 + at / 12)), [])
  t.end()
})

t.test('a heap that is collected late is no leak', (t) => {
  const late = looks(
    20,
    () => 24,
    (at) => 100 + Math.min(60, at * 6),
  )
  t.strictSame(judged(late), [])
  t.end()
})

t.test('resident memory that grows beside the heap fails', (t) => {
  const leak = looks(
    20,
    () => 24,
    (at) => 100 + at * 8,
  )
  t.strictSame(judged(leak), ['the resident memory of holdfast-1 grows from 148 MiB to 236 MiB'])
  t.end()
})

t.test('a guard above the limit of its container fails, however long it lives', (t) => {
  const large = looks(
    1,
    () => 400,
    () => 520,
  )
  t.strictSame(judged(large), ['holdfast-1 takes 520 MiB of the 512 MiB of its container'])
  t.end()
})

t.test('what a guard takes while it warms up does not count', (t) => {
  const warm = looks(10, (at) => (at < 4 ? 10 * at : 50))
  t.match(trendsOf({ name: '', looks: warm }), { live: { first: 50, last: 50 } })
  t.strictSame(judged(warm), [])
  t.end()
})

t.test('a guard that has just started has no trend', (t) => {
  t.strictSame(judged(looks(6, (at) => 24 + at * 20)), [])
  t.end()
})

t.test(
  'a guard that stands still now and then is judged by its answers, and one that gives none fails',
  (t) => {
    t.strictSame(judged(looks(10, (at) => (at % 2 === 0 ? 24 + at * 3 : undefined))), [
      'what holdfast-1 keeps grows from 36 MiB to 48 MiB',
    ])
    t.strictSame(judged(looks(10, () => undefined)), ['holdfast-1 does not tell what it keeps'])
    const seldom = looks(120, (at) => (at % 40 === 39 ? 24 : undefined))
    t.strictSame(judged(seldom), ['holdfast-1 does not tell what it keeps'])
    t.end()
  },
)
