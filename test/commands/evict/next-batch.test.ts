import t from 'tap'
import { nextBatch } from '../../../src/commands/evict/next-batch.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'

const closed = { allowScheduling: false }
const flagged = { ...closed, evictionRequested: true }
const { A, B, C } = releases

type NodeOptions = Parameters<TestCluster['node']>[2]

/** Nodes n1 to n5, each with one disk of its number, and these switches. */
function world(release: string | undefined, switches: Readonly<Record<string, NodeOptions>> = {}) {
  const of = cluster(release)
  for (const at of [1, 2, 3, 4, 5]) of.node(`n${at}`, [disk(`d${at}`)], switches[`n${at}`])
  return of
}

const next = (
  of: TestCluster,
  asked: readonly string[],
  batchSize = Infinity,
  batches?: readonly (readonly string[])[],
) => nextBatch(asked, of.map, { policy: defaultPolicy, ...moment(noon) }, { batchSize, batches })

t.test('all nodes are closed before the first flag goes up, and only those that are open', (t) => {
  const of = world(A, { n2: closed }).image('i', [ready('d1'), ready('d2')])
  t.strictSame(next(of, ['n1', 'n2']), { step: 'close', nodes: ['n1'] })
  t.end()
})

t.test('a node that is empty is closed too, or copies of the others would move there', (t) => {
  const of = world(A).image('i', [ready('d1')])
  t.strictSame(next(of, ['n1', 'n2']), { step: 'close', nodes: ['n1', 'n2'] })
  t.strictSame(next(world(A), ['n1', 'n2']), { step: 'close', nodes: ['n1', 'n2'] })
  t.end()
})

t.test('a node alone is closed together with its flag', (t) => {
  const of = world(A).image('i', [ready('d1')])
  t.strictSame(next(of, ['n1']), { step: 'evict', nodes: ['n1'], later: [] })
  t.end()
})

const shut = { n1: closed, n2: closed, n3: closed }

t.test('nodes with all copies of an image between them are in different batches', (t) => {
  for (const release of [A, B, C]) {
    const apart = world(release, shut).image('i', [ready('d1'), ready('d2')])
    const first = next(apart, ['n1', 'n2'])
    t.match(first, { step: 'evict', nodes: { length: 1 }, later: { length: 1 } })
    const together = world(release, shut)
      .image('i', [ready('d1'), ready('d5')])
      .image('j', [ready('d2'), ready('d5')])
    t.strictSame(next(together, ['n1', 'n2']), { step: 'evict', nodes: ['n1', 'n2'], later: [] })
  }
  t.end()
})

t.test('a batch has no more nodes than are wanted', (t) => {
  const of = world(A, shut)
    .image('i', [ready('d1'), ready('d5')])
    .image('j', [ready('d2'), ready('d5')])
  t.match(next(of, ['n1', 'n2'], 1), { step: 'evict', nodes: ['n1'], later: ['n2'] })
  t.end()
})

t.test('evictions under way go on first, and only targets that are safe beside them join', (t) => {
  const begun = { ...shut, n1: flagged }
  const alone = world(A, begun).image('i', [ready('d1'), ready('d2')])
  t.strictSame(next(alone, ['n2', 'n1']), { step: 'evict', nodes: ['n1'], later: ['n2'] })
  const beside = world(A, begun)
    .image('i', [ready('d1'), ready('d5')])
    .image('j', [ready('d2'), ready('d5')])
  t.strictSame(next(beside, ['n2', 'n1']), { step: 'evict', nodes: ['n1', 'n2'], later: [] })
  t.strictSame(next(beside, ['n2', 'n1'], 1), { step: 'evict', nodes: ['n1'], later: ['n2'] })
  t.end()
})

t.test('a node whose copies are being removed with its flag down is under way', (t) => {
  const of = world(A, shut)
    .image('i', [ready('d1', { evicting: true }), ready('d5')])
    .image('j', [ready('d2')])
  t.match(next(of, ['n2', 'n1'], 1), { step: 'evict', nodes: ['n1'] })
  t.end()
})

t.test('a clean-up that waits for its end is not under way: the others need not wait for it', (t) => {
  const of = world(A, shut)
    .image('i', [pending('d1'), ready('d5')])
    .image('k', [ready('d1'), ready('d5')])
    .image('j', [ready('d2'), ready('d5')])
  t.match(next(of, ['n1', 'n2']), { step: 'evict', nodes: ['n1', 'n2'] })
  t.end()
})

t.test('nodes that are empty are done, and where flags stay up the flag is still to go down', (t) => {
  t.strictSame(next(world(A, shut), ['n1', 'n2']), { step: 'done' })
  t.match(next(world(C, { n1: flagged }), ['n1']), { step: 'evict', nodes: ['n1'] })
  const left = world(A, shut).image('i', [ready('d2'), ready('d5')])
  t.strictSame(next(left, ['n1', 'n2']), { step: 'evict', nodes: ['n2'], later: [] })
  t.end()
})

t.test('nothing is closed if no order keeps the copies', (t) => {
  const of = world(A).image('i', [ready('d1')])
  t.match(next(of, ['n1', 'n2', 'n3', 'n4', 'n5']), {
    step: 'impossible',
    problems: [/backing image i has to keep a copy/],
  })
  t.end()
})

t.test('a node that cannot be emptied stands in the way before anything is closed', (t) => {
  const of = world(A).node('n2', [disk('d2', { synced: false })])
  t.match(next(of.image('i', [ready('d1'), ready('d5')]), ['n1', 'n2']), {
    step: 'impossible',
    problems: [/Longhorn has not synced disk d2 of n2 yet/],
  })
  t.end()
})

t.test('the batches of a plan are kept, and each is judged again before it begins', (t) => {
  const plan = [['n1'], ['n2', 'n3']]
  const asked = plan.flat()
  const of = world(A, shut)
    .image('i', [ready('d1'), ready('d5')])
    .image('j', [ready('d2'), ready('d5')])
    .image('k', [ready('d3'), ready('d5')])
  t.match(next(of, asked, Infinity, plan), { step: 'evict', nodes: ['n1'], later: ['n2', 'n3'] })
  of.image('i', [ready('d5')])
  t.match(next(of, asked, Infinity, plan), { step: 'evict', nodes: ['n2', 'n3'], later: [] })
  t.match(next(of, asked, 1, plan), { step: 'evict', nodes: ['n2'], later: ['n3'] })
  of.image('j', [ready('d2'), ready('d3')])
  t.match(next(of, asked, Infinity, plan), {
    step: 'impossible',
    problems: [/n2 and n3 may hold the last copies of backing image j between them/],
  })
  t.end()
})
