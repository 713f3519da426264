import t from 'tap'
import { type Flags, rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import {
  concernsGuard,
  enforcesRescue,
  type GuardCircumstances,
  type GuardStep,
  guardStep,
} from '../../../src/rules/rescue/guard-step.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, type RawDisk, type RawNodeOptions, ready } from '../../fixtures/raw-objects.ts'

const { A, B, C, none } = releases
const evicting = { evictionRequested: true }
/** Long enough after everything began for Longhorn to have noticed. */
const later = noon + defaultPolicy.settleMs
const removing = [pending('d1')]
const d1Flagged = [disk('d1', evicting), disk('d3')]

/** A note on a node of generation 5, of the guard's or of a person's command. */
function noting(
  disks: readonly string[],
  { node = false, byGuard = true, metadata = {} } = {},
): RawNodeOptions {
  const guard = byGuard ? { guard: { generation: 5 } } : {}
  const note = { node, disks, at: '2026-01-01T12:00:00Z', by: 'x', ...guard }
  const annotations = { [rescueAnnotation]: JSON.stringify(note) }
  return { metadata: { annotations, generation: 5, ...metadata } }
}

function step(of: TestCluster, wanted: Partial<GuardCircumstances> = {}): GuardStep {
  const usual = { policy: defaultPolicy, watchingSince: noon, isKnown: () => true, mayRaise: true }
  return guardStep('n1', of.map, { ...usual, ...moment(later), ...wanted })
}

/** n1 with these disks, ubuntu on d1 in some phase and ready on another node. */
function world(
  release: string | undefined,
  options: RawNodeOptions = {},
  disks: readonly RawDisk[] = [disk('d1'), disk('d3')],
  copies = [ready('d1')],
): TestCluster {
  return cluster(release)
    .node('n1', disks, { metadata: { generation: 5 }, ...options })
    .node('n2', [disk('d2')])
    .image('ubuntu', [...copies, ready('d2')])
}

t.test('flags that meet a clean-up go down, noted as the guard’s', (t) => {
  t.match(step(world(A, {}, d1Flagged, removing)), {
    step: 'clear',
    flags: { node: false, disks: ['d1'] },
    cleanups: [{ image: 'ubuntu', disk: 'd1' }],
    guard: { generation: 6 },
  })
  t.match(step(world(B, {}, d1Flagged, removing)), { step: 'clear' })
  t.end()
})

t.test('a release that does not crash needs no guard for that', (t) => {
  for (const release of [C, none])
    t.strictSame(step(world(release, {}, d1Flagged, removing)), { step: 'nothing' }, release)
  t.strictSame(step(world(A)), { step: 'nothing' }, 'no danger')
  t.strictSame(step(cluster(A)), { step: 'nothing' }, 'no node')
  t.end()
})

t.test('the release of the settings counts, not the one that Longhorn names', (t) => {
  const policy = { ...defaultPolicy, release: 'v1.9.1' }
  t.strictSame(step(world(A, {}, d1Flagged, removing), { policy }), { step: 'nothing' })
  t.end()
})

t.test('a second danger on the node is noted with the first', (t) => {
  const again = world(A, noting(['d3']), d1Flagged, removing)
  t.match(step(again), { step: 'clear', flags: { disks: ['d1', 'd3'] }, guard: { generation: 6 } })
  const unknown = step(again, { isKnown: () => false })
  t.match(unknown, { step: 'clear', flags: { disks: ['d1', 'd3'] } })
  t.notOk('guard' in unknown, 'a person may have taken d3 down on purpose, so a person has to raise them')
  t.end()
})

t.test('the note of a person’s command stays one', (t) => {
  const danger = step(world(A, noting(['d3'], { byGuard: false }), d1Flagged, removing))
  t.match(danger, { step: 'clear', flags: { disks: ['d1', 'd3'] } })
  t.notOk('guard' in danger)
  t.strictSame(step(world(A, noting(['d1'], { byGuard: false }))), { step: 'nothing' })
  const odd = { metadata: { generation: 5, annotations: { [rescueAnnotation]: 'what?' } } }
  t.notOk('guard' in step(world(A, odd, d1Flagged, removing)), 'nor does a note that cannot be read')
  t.strictSame(step(world(A, odd)), { step: 'nothing' })
  t.end()
})

t.test('flags that the guard has noted wait, and go up again when it is safe', (t) => {
  const noted = noting(['d1'])
  t.match(step(world(A, noted, undefined, removing)), { step: 'wait-for-cleanup' })
  t.match(step(world(A, noted), moment(noon + 1)), { step: 'wait-for-notice', until: later })
  const down = { notReady: { reason: 'ManagerPodDown', since: '2026-01-01T11:00:00Z' } }
  t.match(step(world(A, { ...noted, ...down })), { step: 'wait-for-manager' })
  const raise = { step: 'raise', flags: { node: false, disks: ['d1'] } }
  t.strictSame(step(world(A, noted)), raise)
  t.strictSame(step(world(C, noted)), raise, 'Longhorn was upgraded meanwhile')
  t.end()
})

t.test('a flag that a person has raised meanwhile is struck off the note', (t) => {
  const d1AndD3 = noting(['d1', 'd3'])
  t.strictSame(step(world(A, d1AndD3, d1Flagged)), { step: 'strike', left: { node: false, disks: ['d3'] } })
  t.strictSame(step(world(A, noting(['d1']), d1Flagged)), { step: 'forget', why: 'already-up' })
  t.strictSame(step(world(A, noting(['d1', 'gone']))), {
    step: 'strike',
    left: { node: false, disks: ['d1'] },
  })
  t.strictSame(step(world(A, { ...noting([], { node: true }), ...evicting })), {
    step: 'forget',
    why: 'already-up',
  })
  t.end()
})

t.test('flags that a person may have taken down on purpose stay down', (t) => {
  const noted = world(A, noting(['d1']))
  const flags = { node: false, disks: ['d1'] }
  t.strictSame(step(noted, { isKnown: () => false }), { step: 'hand-over', flags, why: 'changed' })
  t.strictSame(step(noted, { mayRaise: false }), { step: 'hand-over', flags, why: 'too-often' })
  t.end()
})

t.test('a noted flag that a person took down stays down when another one is struck off', (t) => {
  const both = world(A, noting(['d1', 'd3']), d1Flagged)
  const asked: Flags[] = []
  const isKnown = (flags: Flags): boolean => asked.push(flags) === 0
  const left = { node: false, disks: ['d3'] }
  t.strictSame(step(both, { isKnown }), { step: 'hand-over', flags: left, why: 'changed' })
  t.strictSame(asked, [left])
  t.end()
})

t.test('nothing is raised on a node that is on its way out', (t) => {
  const deletionTimestamp = '2026-01-01T12:00:00Z'
  const leaving = world(A, noting(['d1'], { metadata: { deletionTimestamp } }))
  t.strictSame(step(leaving), { step: 'nothing' })
  const node = leaving.map.node('n1')
  t.notOk(node && concernsGuard(node, leaving.map, 'A'))
  t.end()
})

t.test('the nodes that concern the guard are in danger, or have its note', (t) => {
  const concerned = (of: TestCluster, profile: 'A' | 'C' = 'A'): boolean => {
    const node = of.map.node('n1')
    return node !== undefined && concernsGuard(node, of.map, profile)
  }
  t.ok(concerned(world(A, {}, d1Flagged, removing)))
  t.notOk(concerned(world(C, {}, d1Flagged, removing), 'C'))
  t.ok(concerned(world(A, noting(['d1']))))
  t.notOk(concerned(world(A, noting(['d1'], { byGuard: false }))))
  t.notOk(concerned(world(A, {}, d1Flagged)))
  t.end()
})

t.test('a guard that only warns of these two rules only reports', (t) => {
  t.ok(enforcesRescue(defaultPolicy))
  for (const rule of ['eviction-during-cleanup', 'cleanup-during-eviction'] as const)
    for (const mode of ['warn', 'off'] as const)
      t.notOk(enforcesRescue({ modes: { ...defaultPolicy.modes, [rule]: mode } }), `${rule}: ${mode}`)
  t.end()
})
