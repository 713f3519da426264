import t from 'tap'
import { merged, uncovered } from '../../src/gate/claims.ts'
import { mostDisks } from '../../src/gate/reservation.ts'
import { uuid } from '../fixtures/raw-objects.ts'

t.test('claims are covered by as many disks or more on the same entry with the same intent', (t) => {
  const has = [
    { entry: 'n1', intent: 'removal', disks: [uuid('d1'), uuid('d2')] },
    { entry: 'n2', intent: 'eviction', disks: 'any' },
  ] as const
  const covered = [
    { entry: 'n1', intent: 'removal', disks: [uuid('d2')] },
    { entry: 'n2', intent: 'eviction', disks: [uuid('d3')] },
    { entry: 'n2', intent: 'eviction', disks: 'any' },
  ] as const
  const not = [
    { entry: 'n1', intent: 'removal', disks: 'any' },
    { entry: 'n1', intent: 'removal', disks: [uuid('d3')] },
    { entry: 'n1', intent: 'keep', disks: [uuid('d1')] },
    { entry: 'n3', intent: 'removal', disks: [uuid('d1')] },
  ] as const
  t.strictSame(uncovered([], has), [])
  t.strictSame(uncovered([...covered, ...not], has), not)
  t.strictSame(uncovered(covered, [...has, ...has]), [], 'an entry that has them twice')
  t.end()
})

t.test('a claim of more disks than a Lease holds claims all disks of its entry', (t) => {
  const disks = Array.from({ length: mostDisks + 1 }, (_, each) => `u${each}`)
  const claim = (some: readonly string[]) => ({ entry: 'n1', intent: 'removal', disks: some }) as const
  const [most] = merged([claim(disks.slice(1))])
  t.equal(most?.disks.length, mostDisks)
  t.strictSame(merged([claim(disks)]), [{ entry: 'n1', intent: 'removal', disks: 'any' }])
  t.strictSame(merged(disks.map((uuid) => claim([uuid]))), [{ entry: 'n1', intent: 'removal', disks: 'any' }])
  t.end()
})

t.test('claims of one entry and intent become one, whatever their order', (t) => {
  const [a, b, any] = [
    { entry: 'n1', intent: 'keep', disks: ['b', 'a'] },
    { entry: 'n1', intent: 'keep', disks: ['c', 'a'] },
    { entry: 'n1', intent: 'keep', disks: 'any' },
  ] as const
  t.strictSame(merged([a, b]), [{ entry: 'n1', intent: 'keep', disks: ['a', 'b', 'c'] }])
  t.strictSame(merged([a, any]), [{ entry: 'n1', intent: 'keep', disks: 'any' }])
  t.strictSame(merged([any, a]), [{ entry: 'n1', intent: 'keep', disks: 'any' }])
  t.end()
})
