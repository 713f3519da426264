import t from 'tap'
import { explainEviction } from '../../../src/commands/evict/explain.ts'
import { type EvictionStep, nextEvictionStep } from '../../../src/commands/evict/next-step.ts'
import { evictionPatch } from '../../../src/commands/evict/remains.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, parsed, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { copy, disk, pending, planned, type RawCopy, rawNode, ready } from '../../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }
const closed = { allowScheduling: false }
const flagged = { ...evicting, ...closed }

const stepOf = (of: TestCluster, name?: string) =>
  nextEvictionStep({ node: 'n1', disk: name }, of.map, { policy: defaultPolicy, ...moment(noon) })

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
    t.equal(step(world(release, {}, [])), 'close', 'or something new could come')
    t.equal(step(world(release, closed, [])), 'done')
    t.equal(step(world(release, {}, [pending('d1')])), 'wait-for-cleanup')
    t.equal(step(world(release, {}, [ready('d1')])), 'raise')
    t.equal(step(world(release, flagged, [ready('d1')]).replica('r1', '', 'd1')), 'wait-for-replicas')
    t.equal(step(world(release, flagged, [ready('d1')], [ready('d2')])), 'wait-for-copies', 'not marked yet')
    t.equal(step(world(release, flagged, [ready('d1', going)])), 'wait-for-copies', 'nowhere else')
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

/** n1 with two disks, ubuntu on d1 with a replacement elsewhere. */
function twoDisks(release: string | undefined, flags: object, d1: object, d3: object) {
  return cluster(release)
    .node('n1', [disk('d1', d1), disk('d3', d3)], flags)
    .node('n2', [disk('d2')])
    .image('ubuntu', [ready('d1', going), ready('d2')])
}

t.test('beside another eviction on the node, one disk cannot be emptied safely where managers crash', (t) => {
  for (const release of [A, B]) {
    const besideNode = stepOf(twoDisks(release, flagged, flagged, {}), 'd1')
    t.match(besideNode, {
      step: 'impossible',
      problems: [/node n1 has an eviction requested on the whole node/],
    })
    const besideDisk = stepOf(twoDisks(release, {}, flagged, flagged), 'd1')
    t.match(besideDisk, { step: 'impossible', problems: [/node n1 has an eviction requested on disk d3/] })
    t.match(
      stepOf(twoDisks(release, {}, closed, flagged), 'd1').step,
      'impossible',
      'the flag is cleared already',
    )
    t.equal(stepOf(twoDisks(release, {}, flagged, {}), 'd1').step, 'lower')
  }
  t.equal(stepOf(twoDisks(C, {}, flagged, flagged), 'd1').step, 'wait-for-removal')
  t.end()
})

t.test('the flags of single disks go down with that of the whole node', (t) => {
  const of = twoDisks(A, flagged, flagged, {})
  t.equal(stepOf(of).step, 'lower')
  const found = of.map.node('n1')
  t.strictSame(found && evictionPatch({ node: 'n1', disk: undefined }, found, false), {
    spec: { evictionRequested: false, disks: { d1: { evictionRequested: false } } },
  })
  t.equal(stepOf(twoDisks(A, closed, flagged, {})).step, 'lower', 'also where the flag of the node is down')
  t.end()
})

t.test('copies that can be replaced only once the flag is cleared do not keep it up', (t) => {
  // Longhorn adds the new copy and removes all but one of the old ones in a single write.
  const only = (copies: readonly RawCopy[]) =>
    cluster(B)
      .node('n1', [disk('d1'), disk('d3')], flagged)
      .node('n2', [disk('d2')])
      .image('ubuntu', copies)
  t.equal(stepOf(only([ready('d1', going), ready('d3', going)])).step, 'lower')
  const elsewhere = world(B, flagged, [ready('d1', going)], [ready('d2', going)])
  t.equal(stepOf(elsewhere).step, 'lower', 'the other node waits for this one')
  t.equal(stepOf(only([ready('d1', going), ready('d3')])).step, 'wait-for-copies', 'not marked yet')
  t.equal(stepOf(only([ready('d1', going), ready('d3', going), planned('d2')])).step, 'wait-for-copies')
  t.equal(
    stepOf(only([ready('d1', going), ready('d3', going), copy('d2', 'failed')])).step,
    'lower',
    'that one will never be ready',
  )
  t.end()
})

t.test('copies that have all failed need no replacement', (t) => {
  t.equal(stepOf(world(A, flagged, [copy('d1', 'failed', going)])).step, 'lower')
  t.equal(
    stepOf(world(A, flagged, [copy('d1', 'unknown', going)])).step,
    'wait-for-copies',
    'its disk is down',
  )
  t.end()
})

t.test('a clean-up that has met the flag takes it down at once where managers crash', (t) => {
  const met = (release: string | undefined) => stepOf(world(release, flagged, [pending('d1')], [ready('d2')]))
  for (const release of [A, B]) {
    t.match(met(release), { step: 'retreat', cleanups: [{ image: 'ubuntu' }] })
    t.match(
      explainEviction(met(release), noon),
      /^1 clean-up began while the flag is up, .*: ubuntu on disk uuid-d1$/,
    )
  }
  t.equal(met(C).step, 'wait-for-removal')
  t.end()
})

t.test('an impossible eviction is reported before anything is written', (t) => {
  t.match(stepOf(cluster(A)), { step: 'impossible', problems: ['there is no node n1'] })
  t.match(stepOf(world(A, {}, []), 'd9'), { problems: ['there is no disk d9 of node n1'] })
  const unsynced = cluster(A).node('n1', [disk('d1', { synced: false })])
  t.match(stepOf(unsynced), { problems: [/has not synced disk d1 of n1 yet/] })
  const alone = cluster(A)
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')])
  t.match(stepOf(alone), {
    problems: [/the copy of backing image ubuntu on d1 has nowhere to go\. No other disk/],
  })
  t.end()
})

t.test('an eviction does not wait for a node with a lost manager, with the flag or without', (t) => {
  const notReady = { reason: 'KubernetesNodeGone' }
  for (const release of [A, B, C]) {
    for (const flags of [{}, flagged]) {
      const gone = world(release, { ...flags, notReady }, [ready('d1')], [ready('d2')])
      t.match(stepOf(gone), {
        step: 'impossible',
        problems: [/^the eviction of node n1 does nothing, since .* Bring the node back/],
      })
    }
  }
  const down = { notReady: { reason: 'ManagerPodDown', since: '2026-01-01T11:59:00Z' } }
  t.equal(stepOf(world(C, { ...flagged, ...down }, [ready('d1')])).step, 'wait-for-removal', 'for a moment')
  const replaced = world(A, { ...flagged, notReady }, [ready('d1', going)], [ready('d2')])
  t.equal(stepOf(replaced).step, 'lower', 'the flag is not needed')
  t.equal(stepOf(world(C, { ...closed, notReady }, [])).step, 'done', 'nothing is left there')
  t.end()
})

t.test('a manager that has just gone down may be back in a moment, so the eviction goes on', (t) => {
  const notReady = { reason: 'ManagerPodDown', since: '2026-01-01T11:59:00Z' }
  for (const release of [A, B, C]) {
    const step = (flags: object) =>
      stepOf(world(release, { ...flags, notReady }, [ready('d1')], [ready('d2')])).step
    t.equal(step({}), 'raise')
    t.match(step(flagged), /^wait-for-/)
  }
  t.end()
})

t.test('the patches close the evicted disks, and leave them closed', (t) => {
  const n1 = parsed('Node', rawNode('n1', [disk('d1')]))
  t.strictSame(evictionPatch({ node: 'n1', disk: undefined }, n1, true), { spec: flagged })
  t.strictSame(evictionPatch({ node: 'n1', disk: undefined }, n1, false), {
    spec: { evictionRequested: false },
  })
  t.strictSame(evictionPatch({ node: 'n1', disk: 'd1' }, n1, true), { spec: { disks: { d1: flagged } } })
  t.strictSame(evictionPatch({ node: 'n1', disk: 'd1' }, n1, false), {
    spec: { disks: { d1: { evictionRequested: false } } },
  })
  t.end()
})

t.test('each step is described in a line, with names and numbers', (t) => {
  const replicas = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6']
  t.equal(
    explainEviction({ step: 'wait-for-replicas', replicas }, noon),
    'waiting for Longhorn to move 6 replicas away: r1, r2, r3, r4, r5 and 1 more',
  )
  t.match(
    explainEviction(stepOf(world(A, {}, [pending('d1')])), noon),
    /^waiting for 1 clean-up to end .*: ubuntu on disk uuid-d1$/,
  )
  t.match(
    explainEviction(stepOf(world(A, flagged, [ready('d1')])), noon),
    /ready copy elsewhere of 1 backing image: ubuntu$/,
  )
  t.match(explainEviction({ step: 'impossible', problems: ['a', 'b'] }, noon), 'a\nb')
  t.end()
})

t.test('a dry run words each step as one that would be taken', (t) => {
  const cleanups = [{ image: 'ubuntu', diskUUID: 'uuid-d1', state: 'ready', since: noon }] as const
  const steps: readonly (readonly [EvictionStep, RegExp])[] = [
    [{ step: 'wait-for-cleanup', cleanups }, /^would wait for 1 clean-up to end/],
    [{ step: 'wait-for-notice', of: 'flag', until: noon + 1_000 }, /^would wait about 1s until/],
    [{ step: 'raise' }, /^would close the disks for scheduling, and request the eviction$/],
    [{ step: 'wait-for-replicas', replicas: ['r1'] }, /^would wait for Longhorn to move 1 replica away/],
    [{ step: 'wait-for-copies', images: ['ubuntu'] }, /^would wait for a ready copy elsewhere/],
    [{ step: 'retreat', cleanups }, /: would clear the flag until the clean-up ends: ubuntu/],
    [{ step: 'lower' }, /: would clear it, so that the copies are removed without one$/],
    [{ step: 'wait-for-removal', images: ['ubuntu'] }, /^would wait for Longhorn to remove the copies/],
    [{ step: 'done' }, /^done: no replica and no copy is left$/],
    [{ step: 'impossible', problems: ['a'] }, /^a$/],
  ]
  for (const [step, text] of steps) {
    t.match(explainEviction(step, noon, 'would'), text)
    t.notMatch(explainEviction(step, noon), /would/)
  }
  t.end()
})

t.test('after a clean-up the flag goes up only once Longhorn has noticed its end', (t) => {
  const at = (of: TestCluster, now: number) =>
    nextEvictionStep({ node: 'n1', disk: undefined }, of.map, { policy: defaultPolicy, ...moment(now) })
  for (const release of [A, B]) {
    const drained = world(release, {}, [ready('d1'), pending('d1')])
      .at(noon)
      .image('debian', [])
    drained
      .image('debian', [pending('d1')])
      .at(noon + 1)
      .image('debian', [])
    const waiting = at(drained, noon + 2_001)
    t.strictSame(waiting, { step: 'wait-for-notice', of: 'clean-up', until: noon + 10_001 })
    t.equal(
      explainEviction(waiting, noon + 2_001),
      'waiting about 8s until Longhorn has noticed that the clean-up has ended',
    )
    t.equal(at(drained, noon + 10_001).step, 'raise')
  }
  t.end()
})

t.test('after a clear it waits until Longhorn has noticed, before it waits for the removal', (t) => {
  for (const release of [A, B]) {
    const lowered = world(release, flagged, [ready('d1', going)], [ready('d2')])
      .at(noon)
      .node('n1', [disk('d1')], closed)
    const at = (now: number) =>
      nextEvictionStep({ node: 'n1', disk: undefined }, lowered.map, {
        policy: defaultPolicy,
        ...moment(now),
      })
    t.strictSame(at(noon + 3_000), { step: 'wait-for-notice', of: 'flag', until: noon + 10_000 })
    t.match(explainEviction(at(noon + 3_000), noon + 3_000), /^waiting about 7s until .* flag is cleared/)
    t.equal(at(noon + 10_000).step, 'wait-for-removal')
  }
  const calm = world(C, flagged, [ready('d1', going)], [ready('d2')])
  calm.at(noon).node('n1', [disk('d1')], closed)
  t.equal(stepOf(calm).step, 'wait-for-removal', 'nothing crashes there')
  t.end()
})
