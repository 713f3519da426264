import t from 'tap'
import { clearPatch, raisePatch, takeOverPatch } from '../../../src/rules/rescue/flags.ts'
import type { SeenPods } from '../../../src/rules/rescue/managers.ts'
import {
  nextRescueStep,
  type RescueCircumstances,
  type RescueStep,
} from '../../../src/rules/rescue/next-step.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, type RawDisk, type RawNodeOptions, ready } from '../../fixtures/raw-objects.ts'

const { A, B, C, none } = releases
const evicting = { evictionRequested: true }
/** Long enough after everything began for Longhorn to have noticed. */
const later = noon + defaultPolicy.settleMs

/** What a rescue has noted that took these flags down. */
function noting(disks: readonly string[], node = false): RawNodeOptions {
  const note = { node, disks, at: '2026-01-01T12:00:00Z', by: 'ann' }
  return { metadata: { annotations: { [rescueAnnotation]: JSON.stringify(note) } } }
}

const pod = { name: 'm1', node: 'n1', ready: true, restarts: 3, waiting: undefined, endedAt: noon }
const up: SeenPods = { seen: [pod] }
const looping: SeenPods = { seen: [{ ...pod, ready: false, waiting: 'CrashLoopBackOff' }] }

function step(of: TestCluster, wanted: Partial<RescueCircumstances> = {}): RescueStep {
  const usual = { policy: defaultPolicy, pods: up, ending: 'raise', watchingSince: noon } as const
  return nextRescueStep('n1', of.map, { ...usual, ...moment(later), ...wanted })
}

/** n1 with these disks, ubuntu on d1 in some phase and ready on another node. */
function world(
  release: string | undefined,
  options: RawNodeOptions,
  disks: readonly RawDisk[] = [disk('d1'), disk('d3')],
  copies = [ready('d1')],
): TestCluster {
  return cluster(release)
    .node('n1', disks, options)
    .node('n2', [disk('d2')])
    .image('ubuntu', [...copies, ready('d2')])
}

const removing = [pending('d1')]

t.test('flags go down where the crash predicate of the release holds, and nowhere else', (t) => {
  const onSame = [disk('d1', evicting), disk('d3')]
  const onOther = [disk('d1'), disk('d3', evicting)]
  const cases: readonly [string, string | undefined, RawNodeOptions, readonly RawDisk[], string][] = [
    ['A, the same disk', A, {}, onSame, 'clear'],
    ['A, another disk', A, {}, onOther, 'clear'],
    ['A, the node', A, evicting, [disk('d1')], 'clear'],
    ['unknown release, another disk', undefined, {}, onOther, 'clear'],
    ['B, the same disk', B, {}, onSame, 'clear'],
    ['B, the node', B, evicting, [disk('d1')], 'clear'],
    ['B, another disk', B, {}, onOther, 'done'],
    ['C, the same disk', C, {}, onSame, 'done'],
    ['before 1.7, the same disk', none, {}, onSame, 'done'],
    ['A, no flag', A, {}, [disk('d1')], 'done'],
  ]
  for (const [what, release, options, disks, wanted] of cases)
    t.equal(step(world(release, options, disks, removing)).step, wanted, what)
  t.equal(step(world(A, {}, onSame)).step, 'done', 'A, no clean-up')
  t.end()
})

t.test('all flags of the node go down together, with those that were noted before', (t) => {
  const of = world(A, { ...noting(['d1']), ...evicting }, [disk('d1'), disk('d3', evicting)], removing)
  const next = step(of)
  t.match(next, { step: 'clear', flags: { node: true, disks: ['d1', 'd3'] } })
  const node = of.map.node('n1')
  if (next.step !== 'clear' || !node) throw new Error('it does not clear')
  const patch = clearPatch(node, { ...next.flags, at: 'now', by: 'ann' })
  t.strictSame(patch, {
    metadata: {
      annotations: {
        [rescueAnnotation]: '{"node":true,"disks":["d1","d3"],"at":"now","by":"ann"}',
      },
    },
    // That of d1 is down already.
    spec: { evictionRequested: false, disks: { d3: { evictionRequested: false } } },
  })
  t.end()
})

t.test('a noted disk that is gone is not written, since it would come into being', (t) => {
  const of = world(A, noting(['d1', 'gone']), [disk('d1', evicting)], removing)
  const node = of.map.node('n1')
  const note = { node: false, disks: ['d1', 'gone'], at: '', by: '' }
  t.strictSame(node && clearPatch(node, note).spec, { disks: { d1: { evictionRequested: false } } })
  t.strictSame(step(world(A, noting(['d1', 'gone']))), {
    step: 'raise',
    flags: { node: false, disks: ['d1'] },
  })
  t.end()
})

t.test('flags that are noted wait for the clean-ups that they would meet', (t) => {
  const other = noting(['d3'])
  const cases: readonly [string, string, RawNodeOptions, string][] = [
    ['A, the same disk', A, noting(['d1']), 'wait-for-cleanup'],
    ['A, another disk', A, other, 'wait-for-cleanup'],
    ['B, the same disk', B, noting(['d1']), 'wait-for-cleanup'],
    ['B, the node', B, noting([], true), 'wait-for-cleanup'],
    ['B, another disk', B, other, 'raise'],
  ]
  for (const [what, release, options, wanted] of cases)
    t.equal(step(world(release, options, undefined, removing)).step, wanted, what)
  t.end()
})

t.test('a step names the cause that stops a clean-up', (t) => {
  const stoppedBy = (of: TestCluster, pods: SeenPods = up): unknown => {
    const next = step(of, { pods })
    return next.step === 'wait-for-cleanup' ? next.cleanups.map((each) => each.stoppedBy) : next.step
  }
  const noted = noting(['d1'])
  const notReady = (reason: string) => ({ notReady: { reason, since: '2026-01-01T11:00:00Z' } })
  const usual = () => world(A, noted, undefined, removing)
  t.strictSame(stoppedBy(usual()), [null])
  t.strictSame(stoppedBy(usual(), looping), ['the longhorn-manager of n1 is not ready yet'])
  t.strictSame(stoppedBy(world(A, { ...noted, ...notReady('ManagerPodDown') }, undefined, removing)), [
    'the longhorn-manager of n1 is not ready yet',
  ])
  t.strictSame(
    stoppedBy(world(A, { ...noted, ...notReady('KubernetesNodeNotReady') }, undefined, removing)),
    ['node n1 is down (KubernetesNodeNotReady)'],
  )
  t.strictSame(stoppedBy(world(A, { ...noted, ...notReady('KubernetesNodeGone') }, undefined, removing)), [
    'Kubernetes has no node n1 any more',
  ])
  const broken = [disk('d1', notReady('DiskFilesystemChanged'))]
  t.strictSame(stoppedBy(world(A, noted, broken, removing)), ['d1 is not ready (DiskFilesystemChanged)'])
  t.strictSame(stoppedBy(usual().manager('d1', 'unknown')), ['the backing image manager of d1 is unknown'])
  t.strictSame(stoppedBy(usual().manager('d1', '')), ['the backing image manager of d1 is not running'])
  const pruned = usual().image('a', removing).image('b', removing).image('c', removing)
  t.match(stoppedBy(pruned), Array(4).fill('the CRD backingimages.longhorn.io looks out of date'))
  t.end()
})

t.test('flags wait for a manager that is ready, by the kubelet and by Longhorn', (t) => {
  const noted = world(A, noting(['d1']))
  t.strictSame(step(noted, { pods: looping }), {
    step: 'wait-for-manager',
    pod: 'm1',
    restarts: 3,
    reason: 'CrashLoopBackOff',
  })
  t.equal(step(noted, { pods: { seen: [{ ...pod, node: 'n2' }] } }).step, 'wait-for-manager', 'no pod')
  const down = { notReady: { reason: 'ManagerPodDown', since: '2026-01-01T11:00:00Z' } }
  const unseen: SeenPods = { problem: 'forbidden' }
  t.match(step(world(A, { ...noting(['d1']), ...down }), { pods: unseen }), {
    step: 'wait-for-manager',
    pod: null,
    reason: 'ManagerPodDown',
  })
  t.equal(step(noted, { pods: unseen }).step, 'raise', 'Longhorn alone says that it is ready')
  t.end()
})

t.test('flags wait until Longhorn has noticed, also of what ended before this process looked', (t) => {
  const noted = world(A, noting(['d1']))
  t.strictSame(step(noted, moment(noon + 1)), { step: 'wait-for-notice', until: later })
  t.equal(step(noted, moment(later)).step, 'raise')
  t.equal(step(world(C, noting(['d1'])), moment(noon + 1)).step, 'raise', 'on a release that does not crash')
  const ended = world(A, noting(['d1']), undefined, removing)
    .at(later)
    .image('ubuntu', [ready('d2')])
  t.strictSame(step(ended, moment(later + 1)), {
    step: 'wait-for-notice',
    until: later + defaultPolicy.settleMs,
  })
  t.end()
})

t.test('flags that the guard would hold or deny for another reason stay down', (t) => {
  const unfinished = world(A, noting(['d1'])).source('fresh', 'd1')
  t.match(step(unfinished), { step: 'wait-for-rule', problems: [/first-file-unfinished/] })
  const budget = { ...defaultPolicy, evictionBudget: { flaggedNodes: 0, pendingCleanups: undefined } }
  t.match(step(world(A, noting(['d1'])), { policy: budget }), {
    step: 'wait-for-rule',
    problems: [/eviction-budget/],
  })
  t.end()
})

t.test('the flags go up with the note, in one write', (t) => {
  t.strictSame(step(world(A, noting(['d1'], true))), {
    step: 'raise',
    flags: { node: true, disks: ['d1'] },
  })
  t.strictSame(raisePatch({ node: true, disks: ['d1'] }), {
    metadata: { annotations: { [rescueAnnotation]: null } },
    spec: { evictionRequested: true, disks: { d1: { evictionRequested: true } } },
  })
  t.end()
})

t.test('only flags that are still down go up', (t) => {
  const byHand = [disk('d1', evicting), disk('d3')]
  t.strictSame(step(world(A, noting(['d1', 'd3']), byHand)), {
    step: 'raise',
    flags: { node: false, disks: ['d3'] },
  })
  t.strictSame(step(world(A, noting(['d1']), byHand)), { step: 'forget', why: 'already-up' })
  t.end()
})

t.test('without a guard the flags stay down and noted, and if so wanted they are forgotten', (t) => {
  t.strictSame(step(world(A, noting(['d1'])), { ending: 'leave-noted' }), {
    step: 'done',
    noted: { node: false, disks: ['d1'] },
    manager: 'ready',
  })
  const cleared = { ending: 'leave-cleared' } as const
  t.strictSame(step(world(A, noting(['d1'])), cleared), { step: 'forget', why: 'leave-cleared' })
  t.equal(step(world(A, noting(['d1']), undefined, removing), cleared).step, 'wait-for-cleanup')
  t.equal(step(world(A, noting(['d1'])), { ...cleared, pods: looping }).step, 'wait-for-manager')
  t.end()
})

t.test('a person who wants the flags down takes the note of the guard over first', (t) => {
  const guard = { generation: 1 }
  const note = { node: false, disks: ['d1'], at: 'then', by: 'guard', guard }
  const own = { metadata: { annotations: { [rescueAnnotation]: JSON.stringify(note) } } }
  const of = world(A, own)
  t.strictSame(step(of, { ending: 'leave-cleared' }), { step: 'take-over' })
  t.equal(step(of).step, 'raise')
  const node = of.map.node('n1')
  t.strictSame(node && takeOverPatch(node, 'ann'), {
    metadata: {
      annotations: { [rescueAnnotation]: '{"node":false,"disks":["d1"],"at":"then","by":"ann"}' },
    },
  })
  t.end()
})

t.test('a note that cannot be read raises nothing, and can be taken away', (t) => {
  const odd = { metadata: { annotations: { [rescueAnnotation]: '{"node":true}' } } }
  t.match(step(world(A, odd)), {
    step: 'blocked',
    problems: [/cannot be read \(the object must have required property 'disks'\)/],
  })
  t.match(step(world(A, odd, undefined, []), { ending: 'leave-cleared' }), { step: 'forget' })
  t.match(step(world(A, odd, [disk('d1', evicting)], removing)), { step: 'clear' })
  t.end()
})

t.test('a deleted node is gone', (t) => {
  t.strictSame(step(cluster(A).node('n2', [disk('d2')])), { step: 'gone' })
  const { metadata } = noting(['d1'])
  const leaving = { metadata: { ...metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } }
  t.strictSame(step(world(A, leaving)), { step: 'gone' }, 'nothing goes up on a node that is being deleted')
  t.match(step(world(A, { ...leaving, ...evicting }, undefined, removing)), { step: 'clear' })
  t.end()
})

t.test('a manager that is down for another reason is reported with it', (t) => {
  t.match(step(world(A, {}), { pods: looping }), { step: 'done', manager: 'not ready' })
  t.end()
})
