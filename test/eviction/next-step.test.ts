import t from 'tap'
import { explain } from '../../src/eviction/explain.ts'
import { nextStep } from '../../src/eviction/next-step.ts'
import { evictionPatch } from '../../src/eviction/target.ts'
import { defaultPolicy } from '../../src/rules/policy.ts'
import { cluster, noon, releases, type TestCluster } from '../fixtures/cluster.ts'
import { disk, pending, ready, type RawCopy } from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }
const closed = { allowScheduling: false }
const flagged = { ...evicting, ...closed }

const stepOf = (of: TestCluster, name?: string) =>
  nextStep({ node: 'n1', disk: name }, of.map, { policy: defaultPolicy, now: noon })

/** n1 with these flags and copies of ubuntu, and a node to go to. */
function world(
  release: string | undefined,
  flags: object,
  copies: readonly RawCopy[],
  others: readonly RawCopy[] = [],
) {
  return cluster(release)
    .node('n1', [disk('d1')], flags)
    .node('n2', [disk('d2')])
    .image('ubuntu', [...copies, ...others])
}

const going = { evicting: true }
const { A, B, C, none } = releases

t.test('on releases that crash the flag goes down before copies do', (t) => {
  for (const release of [A, B]) {
    const step = (of: TestCluster) => stepOf(of).step
    t.equal(step(world(release, {}, [])), 'done')
    t.equal(step(world(release, {}, [pending('d1')])), 'wait-for-cleanup')
    t.equal(step(world(release, {}, [ready('d1')])), 'raise')
    t.equal(step(world(release, flagged, [ready('d1')]).replica('r1', '', 'd1')), 'wait-for-replicas')
    t.equal(step(world(release, flagged, [ready('d1')], [ready('d2')])), 'wait-for-copies', 'not marked yet')
    t.equal(step(world(release, flagged, [ready('d1', going)])), 'wait-for-copies', 'nowhere else')
    t.equal(step(world(release, flagged, [ready('d1', going)], [ready('d2', going)])), 'wait-for-copies')
    t.equal(step(world(release, flagged, [ready('d1', going)], [ready('d2')])), 'lower')
    t.equal(step(world(release, flagged, [])), 'lower', 'nothing is left')
    t.equal(step(world(release, closed, [ready('d1', going)], [ready('d2')])), 'wait-for-removal')
    t.equal(step(world(release, closed, [pending('d1')], [ready('d2')])), 'wait-for-removal')
    t.equal(step(world(release, closed, [], [ready('d2')])), 'done')
    t.equal(step(world(release, closed, [ready('d1')], [ready('d2')])), 'raise', 'not one of ours')
  }
  t.end()
})

t.test('on others the flag stays up', (t) => {
  t.equal(stepOf(world(C, {}, [ready('d1')])).step, 'raise')
  t.equal(stepOf(world(C, flagged, [ready('d1', going)], [ready('d2')])).step, 'wait-for-removal')
  t.equal(stepOf(world(C, flagged, [pending('d1')], [ready('d2')])).step, 'wait-for-removal')
  t.equal(stepOf(world(C, flagged, [], [ready('d2')])).step, 'done')
  t.equal(stepOf(world(none, flagged, [ready('d1')])).step, 'done', 'copies are not moved at all')
  t.end()
})

t.test('on profile A a clean-up on any disk of the node is in the way, on B only one on the target', (t) => {
  const two = (release: string | undefined) =>
    cluster(release)
      .node('n1', [disk('d1'), disk('d3')])
      .node('n2', [disk('d2')])
      .image('ubuntu', [ready('d1'), ready('d2'), pending('d3')])
  t.equal(stepOf(two(A), 'd1').step, 'wait-for-cleanup')
  t.equal(stepOf(two(B), 'd1').step, 'raise')
  t.end()
})

t.test('what is impossible is said before anything is written', (t) => {
  t.match(stepOf(cluster(A)), { step: 'impossible', problems: ['there is no node n1'] })
  t.match(stepOf(world(A, {}, []), 'd9'), { problems: ['there is no disk d9 of node n1'] })
  const unsynced = cluster(A).node('n1', [disk('d1', { synced: false })])
  t.match(stepOf(unsynced), { problems: [/has not looked at disk d1 of n1 yet/] })
  const alone = cluster(A)
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')])
  t.match(stepOf(alone), {
    problems: [/the eviction of backing image ubuntu .* cannot finish: no other disk/],
  })
  t.end()
})

t.test('the patches close what they evict, and leave it closed', (t) => {
  t.strictSame(evictionPatch({ node: 'n1', disk: undefined }, true), { spec: flagged })
  t.strictSame(evictionPatch({ node: 'n1', disk: undefined }, false), { spec: { evictionRequested: false } })
  t.strictSame(evictionPatch({ node: 'n1', disk: 'd1' }, true), { spec: { disks: { d1: flagged } } })
  t.end()
})

t.test('each step is told in a line, with names and numbers', (t) => {
  const replicas = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']
  t.equal(
    explain({ step: 'wait-for-replicas', replicas }),
    'waiting for Longhorn to move 6 replicas away: r1, r2, r3, r4, r5 and 1 more',
  )
  t.match(
    explain(stepOf(world(A, {}, [pending('d1')]))),
    /^waiting for 1 clean-up to end .*: ubuntu on disk uuid-d1$/,
  )
  t.match(
    explain(stepOf(world(A, flagged, [ready('d1')]))),
    /ready copy elsewhere of 1 backing image: ubuntu$/,
  )
  t.match(explain({ step: 'impossible', problems: ['a', 'b'] }), 'a\nb')
  t.end()
})
