import t, { type Test } from 'tap'
import { Reviewer } from '../../../src/doors/webhook/reviewer.ts'
import type { JudgedKind } from '../../../src/rules/change.ts'
import { awaited, fakes, options } from './fake-gate.ts'
import { dataSource, image, node, review, type ReviewParts } from './review-builder.ts'

/** Reviews a write that the parsers cannot read; the gate must never see it. */
async function answerTo(t: Test, kind: JudgedKind, parts: ReviewParts) {
  const { gate, log, modules } = fakes()
  const reviewed = await new Reviewer(options, modules).review(review(kind, parts), '10s', awaited)
  if (!reviewed.ok) throw new Error(reviewed.problem)
  const { response } = reviewed.value
  t.same(gate.asked, [], 'the gate is not asked')
  t.match(response.auditAnnotations, { reason: 'unreadable' })
  t.equal(log.lines.length, 1)
  return response
}

async function passes(t: Test, kind: JudgedKind, parts: ReviewParts, name: string) {
  const answer = await answerTo(t, kind, parts)
  t.equal(answer.allowed, true, name)
  t.match(answer.warnings, [/cannot read this .*: .* must be .*The write passes/], name)
}

async function refused(t: Test, kind: JudgedKind, parts: ReviewParts, why: string) {
  const answer = await answerTo(t, kind, parts)
  t.match(answer, { allowed: false, status: { code: 403, reason: 'Forbidden' } }, why)
  t.ok(answer.status?.message.includes(`denied because ${why}`), `${why}: ${answer.status?.message ?? ''}`)
  t.notOk(Object.hasOwn(answer.status?.details ?? {}, 'retryAfterSeconds'), 'nothing that time ends')
}

/** A field with a type of no known release, as a newer Longhorn may have it. */
const odd = { allowScheduling: 'yes' }

t.test('an unread request is denied on record first; a guard that only warns lets it pass', async (t) => {
  const { denials, modules } = fakes()
  const raising = { before: node({ ...odd }), after: node({ ...odd, evictionRequested: true }) }
  const ask = async (enforces: boolean) => {
    const reviewer = new Reviewer({ ...options, enforces }, modules)
    const reviewed = await reviewer.review(review('Node', { ...raising, name: 'n1' }), '10s', awaited)
    if (!reviewed.ok) throw new Error(reviewed.problem)
    return reviewed.value.response
  }
  t.equal((await ask(true)).allowed, false)
  t.match(denials, [{ kind: 'Node', name: 'n1', operation: 'UPDATE', why: 'unreadable' }])
  const { allowed, warnings } = await ask(false)
  t.equal(allowed, true)
  t.match(warnings, [/cannot read this Node n1/])
  t.equal(denials.length, 1)
})

t.test('an unreadable node', async (t) => {
  const disks = { d1: {}, d2: { evictionRequested: true } }
  await passes(t, 'Node', { before: node({ ...odd }), after: node({ ...odd, tags: ['x'] }) }, 'new tags')
  await passes(
    t,
    'Node',
    {
      before: node({ ...odd, evictionRequested: true, disks }),
      after: node({ ...odd, disks: { d1: {}, d2: {} } }),
    },
    'clearing flags',
  )
  await passes(
    t,
    'Node',
    { before: node({ ...odd, evictionRequested: true }), after: node({ ...odd, evictionRequested: true }) },
    'a flag that stays up',
  )
  await passes(
    t,
    'Node',
    { before: node({ evictionRequested: { since: 1 } }), after: node({ evictionRequested: { since: 1 } }) },
    'a flag of an unknown form that stays',
  )
  await passes(t, 'Node', { before: node({ disks: [1] }), after: node({ disks: [1] }) }, 'disks as a list')
  await refused(
    t,
    'Node',
    { before: node({ ...odd }), after: node({ ...odd, evictionRequested: true }) },
    'the write raises spec.evictionRequested',
  )
  await refused(
    t,
    'Node',
    { before: node({}), after: node({ evictionRequested: 'true' }) },
    'the write raises spec.evictionRequested',
  )
  await refused(
    t,
    'Node',
    {
      before: node({ ...odd, disks: { d1: {} } }),
      after: node({ ...odd, disks: { d1: { evictionRequested: true } } }),
    },
    'the write raises spec.disks.d1.evictionRequested',
  )
  await refused(
    t,
    'Node',
    { before: node({ disks: { d1: 1 } }), after: node({ disks: { d1: 2 } }) },
    'the write changes spec.disks.d1',
  )
  await refused(
    t,
    'Node',
    { before: node({ ...odd }), after: node({ ...odd, disks: { d1: {} } }) },
    'the write adds disk d1',
  )
  await refused(
    t,
    'Node',
    { before: node({ ...odd, disks }), after: node({ ...odd, disks: { d1: {} } }) },
    'the write removes disk d2',
  )
  await refused(
    t,
    'Node',
    { before: node({ disks: [1] }), after: node({ disks: [1, 2] }) },
    'the write changes spec.disks',
  )
  await refused(t, 'Node', { before: node('x'), after: node('y') }, 'the write changes spec')
})

t.test('an unreadable node that is made or deleted', async (t) => {
  await passes(
    t,
    'Node',
    { operation: 'CREATE', after: node({ ...odd, disks: { d1: {} } }) },
    'a manager that starts creates its own node',
  )
  await passes(t, 'Node', { operation: 'DELETE', before: node(odd) }, 'there is no disk to lose')
  await refused(
    t,
    'Node',
    { operation: 'CREATE', after: node({ ...odd, disks: { d1: { evictionRequested: true } } }) },
    'the write raises spec.disks.d1.evictionRequested',
  )
  await refused(
    t,
    'Node',
    { operation: 'DELETE', before: node({ ...odd, disks: { d1: {} } }) },
    'the node is deleted together with its disks',
  )
  await passes(
    t,
    'Node',
    {
      operation: 'DELETE',
      before: node({ ...odd, disks: { d1: {} } }),
      username: 'system:serviceaccount:kube-system:namespace-controller',
    },
    'a namespace ends',
  )
  await refused(
    t,
    'Node',
    { operation: 'DELETE', before: node({ disks: [1] }) },
    'the node is deleted, and its disks are unreadable',
  )
})

t.test('an unreadable image', async (t) => {
  const odd = { minNumberOfCopies: 'two' }
  const copies = { u1: {}, u2: {} }
  await passes(
    t,
    'BackingImage',
    {
      before: image({ ...odd, diskFileSpecMap: { u1: {} } }),
      after: image({ ...odd, diskFileSpecMap: copies }),
    },
    'a copy more',
  )
  const deleted = { operation: 'DELETE', before: image({ ...odd, diskFileSpecMap: copies }) }
  await passes(t, 'BackingImage', deleted, 'deleting the image is meant to remove its copies')
  for (const diskFileSpecMap of [{ u1: {} }, {}, null, undefined]) {
    await refused(
      t,
      'BackingImage',
      { before: image({ ...odd, diskFileSpecMap: copies }), after: image({ ...odd, diskFileSpecMap }) },
      'the write removes the copy on disk',
    )
  }
  const proto: unknown = JSON.parse('{"minNumberOfCopies": "two", "diskFileSpecMap": {"__proto__": {}}}')
  await refused(
    t,
    'BackingImage',
    { before: image(proto), after: image({ ...odd, diskFileSpecMap: {} }) },
    'the write removes the copy on disk __proto__',
  )
  await refused(
    t,
    'BackingImage',
    { before: image({ diskFileSpecMap: ['u1'] }), after: image({ diskFileSpecMap: [] }) },
    'the write changes spec.diskFileSpecMap',
  )
})

t.test('an unreadable data source', async (t) => {
  const odd = { fileTransferred: 'no' }
  const placed = { ...odd, diskUUID: 'u1', nodeID: 'n1' }
  const kind = 'BackingImageDataSource'
  await passes(t, kind, { before: dataSource(placed), after: dataSource(placed) }, 'it stays where it is')
  await passes(t, kind, { before: dataSource(placed), after: dataSource(odd) }, 'it lets go of its disk')
  await passes(t, kind, { operation: 'CREATE', after: dataSource(odd) }, 'no disk was chosen')
  await passes(t, kind, { operation: 'DELETE', before: dataSource(placed) }, 'it goes')
  await refused(
    t,
    kind,
    {
      before: dataSource({ ...placed, fileTransferred: true, diskUUID: 7 }),
      after: dataSource({ ...placed, fileTransferred: false, diskUUID: 7 }),
    },
    'the write makes Longhorn create the first file again',
  )
  await refused(
    t,
    kind,
    { before: dataSource(placed), after: dataSource({ ...placed, diskUUID: 'u2' }) },
    'the write sets spec.diskUUID',
  )
  await refused(
    t,
    kind,
    { before: dataSource(placed), after: dataSource({ ...placed, nodeID: 'n2' }) },
    'the write sets spec.nodeID',
  )
  await refused(t, kind, { operation: 'CREATE', after: dataSource(placed) }, 'the write sets spec.diskUUID')
})

t.test(
  'an unreadable object that is being deleted passes, so that an uninstall is not blocked',
  async (t) => {
    const before = { ...odd, disks: { d1: {} } }
    const leaving = { deletionTimestamp: '2026-11-23T06:00:00Z' }
    await passes(t, 'Node', { before: node(before, leaving), after: node(odd, leaving) }, 'a disk less')
    const marked = { annotations: { 'longhorn.io/delete-node-from-longhorn': '' } }
    await passes(t, 'Node', { operation: 'DELETE', before: node(before, marked) }, 'deleted once marked')
    const { annotations } = marked
    await passes(
      t,
      'Node',
      { before: node(before, marked), after: node(before, { annotations, labels: { x: 'y' } }) },
      'a label',
    )
    const less = { before: node(before, marked), after: node(odd, marked) }
    await refused(t, 'Node', less, 'the write removes disk d1')
  },
)

t.test('an unreadable object is logged by its own name if the review has none', async (t) => {
  const { log, modules } = fakes()
  await new Reviewer(options, modules).review(
    review('Node', { operation: 'DELETE', before: node(odd) }),
    '10s',
    awaited,
  )
  t.match(log.lines, [
    { level: 'warn', fields: { name: 'n1', problem: /spec\.allowScheduling must be boolean/ } },
  ])
})

t.test('values nested deeper than the stack count as changed', async (t) => {
  const deep = (last: number): unknown => JSON.parse(`${'['.repeat(100_000)}${last}${']'.repeat(100_000)}`)
  await refused(
    t,
    'Node',
    { before: node({ disks: [deep(1)] }), after: node({ disks: [deep(1)] }) },
    'the write changes spec.disks',
  )
})
