import t from 'tap'
import { explainEviction } from '../../../src/commands/evict/explain.ts'
import { nextEvictionStep } from '../../../src/commands/evict/next-step.ts'
import { closePatch } from '../../../src/commands/evict/remains.ts'
import { rescueAnnotation } from '../../../src/longhorn/rescue-note.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { cluster, moment, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, type RawCopy, ready } from '../../fixtures/raw-objects.ts'

const { A, C } = releases
const closed = { allowScheduling: false }
const flagged = { ...closed, evictionRequested: true }

const stepOf = (of: TestCluster, name?: string) =>
  nextEvictionStep({ node: 'n1', disk: name }, of.map, { policy: defaultPolicy, ...moment(noon) })

const world = (release: string | undefined, flags: object, copies: readonly RawCopy[]) =>
  cluster(release)
    .node('n1', [disk('d1')], flags)
    .node('n2', [disk('d2')])
    .image('ubuntu', copies)

t.test('an eviction takes the place of a rescue that has noted its flags', (t) => {
  const noting = (node: boolean, disks: readonly string[]) => ({
    metadata: { annotations: { [rescueAnnotation]: JSON.stringify({ node, disks, at: '', by: '' }) } },
  })
  for (const noted of [noting(true, []), noting(false, ['d1'])]) {
    t.strictSame(stepOf(world(A, noted, [ready('d1')])), { step: 'take-over' })
    t.equal(stepOf(world(A, { ...noted, ...closed }, [])).step, 'take-over', 'also where nothing is left')
    t.equal(stepOf(world(C, noted, [ready('d1')])).step, 'take-over')
    t.equal(stepOf(world(A, { ...noted, ...flagged }, [pending('d1')])).step, 'retreat', 'first the danger')
  }
  t.equal(stepOf(world(A, noting(false, ['d1']), [ready('d1')]), 'd1').step, 'take-over')
  t.equal(
    stepOf(world(A, noting(true, []), [ready('d1')]), 'd1').step,
    'raise',
    'that of the node is not its own',
  )
  t.match(explainEviction({ step: 'take-over' }, 0, 'would'), 'would take the note of a rescue away')
  t.end()
})

t.test('an empty target is closed for scheduling, or something new could come', (t) => {
  const closedDisk = (d1: object, node: object = {}) =>
    cluster(A)
      .node('n1', [disk('d1', d1), disk('d3')], node)
      .node('n2', [disk('d2')])
  t.equal(stepOf(closedDisk({})).step, 'close')
  t.equal(stepOf(closedDisk({}, closed)).step, 'done')
  t.equal(stepOf(closedDisk({}), 'd1').step, 'close')
  t.equal(stepOf(closedDisk(closed), 'd1').step, 'done')
  t.equal(stepOf(closedDisk({}, closed), 'd1').step, 'done', 'its node is closed')
  t.strictSame(closePatch({ node: 'n1', disk: 'd1' }), {
    spec: { disks: { d1: { allowScheduling: false } } },
  })
  t.strictSame(closePatch({ node: 'n1', disk: undefined }), { spec: { allowScheduling: false } })
  t.match(
    explainEviction({ step: 'close' }, 0, 'would'),
    'would close it for scheduling, so that nothing new comes',
  )
  t.end()
})
