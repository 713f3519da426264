import t from 'tap'
import type { Outcome } from '../../src/gate/ports.ts'
import type { Actor, Change } from '../../src/rules/change.ts'
import { admin, cluster, longhornAccount, type TestCluster } from '../fixtures/cluster.ts'
import { disk, pending, ready, uuid } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const evicting = { evictionRequested: true }

/** A cluster in which an eviction of n1 is held, and the last copy of debian must not go. */
function dangerous(): TestCluster {
  return cluster('v1.8.0')
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [pending('d1'), ready('d3')])
    .image('debian', [ready('d3')])
}

/** A gate that knows this cluster this well. */
function gateOf(of: TestCluster, { synced = true, ageMs = 0, unreadable = false } = {}) {
  const world = new GateWorld(of)
  world.freshness.synced = synced
  world.freshness.ageMs = () => ageMs
  if (unreadable) world.freshness.unreadable = [{ kind: 'Node', name: 'n9', problem: 'spec must be object' }]
  return world
}

async function decide(change: Change, of = dangerous(), freshness = {}): Promise<Outcome> {
  return await gateOf(of, freshness).decide(change)
}

const by = (actor: Actor) => ({ actor })
const eviction = (actor = admin) =>
  dangerous().toNode('n1', [disk('d1'), disk('d2', evicting)], {}, by(actor))
const safeEviction = () => dangerous().toNode('n2', [disk('d3', evicting)])
const lossyCleanUp = (actor = admin) => dangerous().cleanUp('debian', ['d3'], by(actor))
const tagsOnly = () => dangerous().toNode('n1', [disk('d1', { tags: ['ssd'] }), disk('d2')])

t.test('a held change is answered with 429 and Retry-After', async (t) => {
  const { verdict, answer } = await decide(eviction())
  t.equal(verdict.decision, 'hold')
  t.match(answer, {
    allowed: false,
    status: {
      code: 429,
      reason: 'TooManyRequests',
      details: {
        name: 'n1',
        group: 'longhorn.io',
        kind: 'Node',
        retryAfterSeconds: 2,
        causes: [{ reason: 'eviction-during-cleanup', field: 'spec' }],
      },
    },
  })
  if (!answer.allowed) {
    for (const named of [
      'ubuntu',
      'd1',
      uuid('d1'),
      'n1',
      'has to wait',
      '(for ',
      'kubectl -n',
      'Why:',
      'Next:  kubectl retries for you.',
      'Look:',
      'rule eviction-during-cleanup',
    ]) {
      t.match(answer.status.message, named)
    }
  }
})

t.test('Longhorn’s own account never gets a Retry-After, since that would block a worker', async (t) => {
  const { verdict, answer } = await decide(eviction(longhornAccount))
  t.equal(verdict.decision, 'hold')
  t.match(answer, { allowed: false, status: { code: 403, reason: 'Forbidden' } })
  t.notMatch(answer, { status: { details: { retryAfterSeconds: Number } } })
})

t.test('a refused change is answered with 403, and one refusal outweighs holds', async (t) => {
  const { verdict, answer } = await decide(lossyCleanUp())
  t.equal(verdict.decision, 'refuse')
  t.match(answer, {
    allowed: false,
    status: {
      code: 403,
      message: /^removing the copy of \S+ on \S+ of \S+ is denied: it is the last usable copy\nWhy:/,
      details: { kind: 'BackingImage', causes: [{ field: 'spec.diskFileSpecMap' }] },
    },
  })
  t.notMatch(answer, { status: { details: { retryAfterSeconds: Number } } })
  const flagged = dangerous().node('n2', [disk('d3', evicting)])
  const both = await decide(flagged.cleanUp('debian', ['d3']), flagged)
  t.equal(both.verdict.decision, 'refuse')
  t.match(both.answer, {
    status: {
      message: /has to wait: [^]*rule cleanup-during-eviction[^]*is denied: [^]*rule last-usable-copy/,
    },
  })
})

t.test('a first file that is refused names its field', async (t) => {
  const flagged = dangerous().node('n2', [disk('d3', evicting)])
  const { answer } = await decide(flagged.place('fedora', 'd3'), flagged)
  t.match(answer, { status: { code: 403, details: { causes: [{ field: 'spec.diskUUID' }] } } })
})

t.test('an admitted change carries its warnings', async (t) => {
  const { verdict, answer } = await decide(safeEviction())
  t.equal(verdict.decision, 'allow')
  t.match(answer, {
    allowed: true,
    warnings: [/^evicting .*\(rule below-min-copies\)$/, /\(rule below-min-copies\)$/],
  })
})

t.test('a check has room for a whole warning, which Kubernetes would cut', async (t) => {
  const change = dangerous().toNode('n2', [disk('d3', evicting)], {}, { door: 'check' })
  const { answer } = await decide(change)
  t.match(
    answer.warnings[0],
    /^evicting d3 of n2: .*\. With fewer copies .* Look: kubectl .* \(rule below-min-copies\)$/,
  )
  const { answer: cut } = await decide(safeEviction())
  for (const warning of cut.warnings) t.ok(warning.length <= 250, warning)
})

t.test('a user of Longhorn’s UI is asked to retry, since the UI does not do so', async (t) => {
  const door = 'proxy-longhorn'
  const { answer } = await decide(dangerous().toNode('n1', [disk('d1'), disk('d2', evicting)], {}, { door }))
  t.match(answer, { status: { message: /\nNext: {2}Try again later\. The eviction is allowed/ } })
})

t.test('an unjudged change is answered in the same four parts', async (t) => {
  const { answer } = await decide(lossyCleanUp(), dangerous(), { synced: false })
  t.match(answer, {
    status: {
      message:
        /^removing the copy of debian on d3 of n2 cannot be judged now: the guard has not read .*\nWhy: .*\nNext: {2}kubectl retries for you\. .*\nLook: {2}holdfast doctor\n/,
    },
  })
})

t.test('while the disk map is not synced, arming changes get 503 and all others pass', async (t) => {
  const unsynced = { synced: false }
  for (const change of [eviction(), safeEviction(), lossyCleanUp()]) {
    const { verdict, answer } = await decide(change, dangerous(), unsynced)
    t.match(verdict, { decision: 'unavailable', why: 'disk-map-not-synced' })
    t.match(answer, {
      allowed: false,
      status: { code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: 2, causes: [] } },
    })
  }
  t.match(await decide(tagsOnly(), dangerous(), unsynced), { answer: { allowed: true, warnings: [] } })
  const longhorn = await decide(eviction(longhornAccount), dangerous(), unsynced)
  t.notMatch(longhorn.answer, { status: { details: { retryAfterSeconds: Number } } })
})

t.test('an old or incomplete disk map still stops known dangers, and lets no eviction pass', async (t) => {
  for (const [freshness, why] of [
    [{ ageMs: 120_001 }, 'disk-map-too-old'],
    [{ unreadable: true }, 'disk-map-incomplete'],
  ] as const) {
    const { verdict } = await decide(safeEviction(), dangerous(), freshness)
    t.match(verdict, { decision: 'unavailable', why, warnings: [{ rule: 'below-min-copies' }, {}] })
    t.equal((await decide(eviction(), dangerous(), freshness)).verdict.decision, 'hold')
    t.equal((await decide(lossyCleanUp(), dangerous(), freshness)).verdict.decision, 'refuse')
    t.equal((await decide(tagsOnly(), dangerous(), freshness)).verdict.decision, 'allow')
  }
  t.equal((await decide(safeEviction(), dangerous(), { ageMs: 120_000 })).verdict.decision, 'allow')
})

t.test('a write that raises no danger is decided at once, and in the same way', async (t) => {
  const world = gateOf(dangerous())
  const atOnce = world.gate.decideAtOnce(tagsOnly())
  t.same(atOnce, await world.decide(tagsOnly()))
  t.match(atOnce, { verdict: { decision: 'allow' }, answer: { allowed: true, warnings: [] } })
  t.equal(world.record.length, 2, 'both are recorded')
})

t.test('a change that may have to wait, or goes on record, is not decided at once', (t) => {
  const { gate } = gateOf(dangerous())
  const metadata = { annotations: { 'longhorn.io/delete-x-from-longhorn': '' } }
  const uninstalled = dangerous().node('n1', [disk('d1')], { metadata })
  for (const change of [eviction(), safeEviction(), lossyCleanUp(), uninstalled.deleteNode('n1')])
    t.equal(gate.decideAtOnce(change), undefined)
  t.end()
})

t.test('a change is on record before its answer leaves', async (t) => {
  const world = gateOf(dangerous())
  const change = lossyCleanUp()
  const decided = world.decide(change).then((decision) => ({ decision, onRecord: world.record.length }))
  const { decision, onRecord } = await decided
  t.equal(onRecord, 1)
  t.match(world.record, [{ change, verdict: decision.verdict, timing: { totalMs: 0, heldMs: 0 } }])
})

t.test(
  'a message about many findings lists the first, their common reason once, and counts the others',
  async (t) => {
    // More images at rest, so that the CRD does not look out of date.
    const many = cluster('v1.8.0')
      .node('n1', [disk('d1')])
      .node('n2', [disk('d3')])
    for (let index = 0; index < 25; index++) many.image(`i${index}`, [pending('d1'), ready('d3')])
    for (let index = 0; index < 30; index++) many.image(`rest-${index}`, [ready('d3')])
    const { answer } = await decide(many.toNode('n1', [disk('d1', evicting)]), many)
    t.equal(answer.allowed, false)
    if (!answer.allowed) {
      t.equal(answer.status.details.causes.length, 10)
      t.match(
        answer.status.message,
        /^(evicting .*\n)(Why: .*\nNext: .*\nLook: .*\n .*\n)(evicting .*\n){9}and 15 more/,
      )
      t.match(answer.status.message, /\nand 15 more of this kind$/)
    }
  },
)

t.test(
  'the mark of Longhorn’s uninstaller lets a deletion pass, on record, and excuses nothing else',
  async (t) => {
    const metadata = { annotations: { 'longhorn.io/delete-x-from-longhorn': '' } }
    const marked = () =>
      dangerous()
        .node('n1', [disk('d1'), disk('d2')], { metadata })
        .image('debian', [ready('d3')], { metadata })
    const world = gateOf(marked())
    const { verdict } = await world.decide(marked().deleteNode('n1'))
    t.strictSame(verdict, { decision: 'allow', warnings: [], mark: 'uninstalling' })
    t.match(world.record, [{ verdict: { mark: 'uninstalling' } }])
    t.strictSame(world.trips, [])
    const raised = marked().toNode('n1', [disk('d1'), disk('d2', evicting)], { metadata })
    t.match((await decide(raised, marked())).verdict, { decision: 'hold' })
    t.match((await decide(marked().cleanUp('debian', ['d3']), marked())).verdict, { decision: 'refuse' })
  },
)
