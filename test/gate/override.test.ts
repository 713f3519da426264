import t from 'tap'
import type { NodeChange } from '../../src/rules/change.ts'
import { defaultPolicy, type Policy, withModes } from '../../src/rules/policy.ts'
import { admin, cluster } from '../fixtures/cluster.ts'
import { disk, pending, ready } from '../fixtures/raw-objects.ts'
import { GateWorld } from './gate-world.ts'

const reason = 'the disk is on fire'
const evicting = { evictionRequested: true }
const dangerous = () =>
  cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .node('n2', [disk('d2')])
    .image('ubuntu', [pending('d1'), ready('d2')])
const annotated = { ...evicting, metadata: { annotations: { 'holdfast.dev/override': reason } } }
const eviction = (): NodeChange => dangerous().toNode('n1', [disk('d1')], annotated)
const watching: Partial<Policy> = { modes: withModes(defaultPolicy.modes, () => 'warn') }

t.test(
  'an override admits a change that would be held, with a warning, and is recorded with its reason',
  async (t) => {
    const world = new GateWorld(dangerous())
    const { verdict, answer } = await world.decide(eviction())
    t.match(verdict, { decision: 'allow', override: { reason } })
    t.match(answer, {
      allowed: true,
      warnings: [
        `overridden, which is on record: ${reason}`,
        /^evicting .*\(rule eviction-during-cleanup\)$/,
      ],
    })
    t.match(world.record, [{ verdict: { override: { reason } } }])
    t.match(world.reservations, [{ kind: 'Node', name: 'n1' }], 'other findings are still reported')
  },
)

t.test('a rule without exceptions holds despite an override, and the answer says why', async (t) => {
  const override = { groups: undefined, except: new Set(['eviction-during-cleanup'] as const) }
  const { verdict, answer } = await new GateWorld(dangerous(), { policy: { override } }).decide(eviction())
  t.equal(verdict.decision, 'hold')
  t.match(answer.warnings, [/^the override was granted, but the rule against this change/])
})

t.test(
  'a user without the right to override is held, and the answer names the groups that have it',
  async (t) => {
    const override = { groups: ['storage-admins'], except: new Set<never>() }
    const { verdict, answer } = await new GateWorld(dangerous(), { policy: { override } }).decide(eviction())
    t.equal(verdict.decision, 'hold')
    t.match(answer.warnings, [`the override was ignored: ${admin.username} is in none of the groups`])
  },
)

t.test(
  'the creation of an object with an old override waits, and the warning describes how to override',
  async (t) => {
    const fresh = () =>
      cluster('v1.8.0')
        .image('ubuntu', [pending('d1'), ready('d2')])
        .node('n2', [disk('d2')])
    const creation = fresh().toNode('n1', [disk('d1', { synced: false })], annotated)
    t.equal(creation.operation, 'CREATE')
    const { verdict, answer } = await new GateWorld(fresh()).decide(creation)
    t.equal(verdict.decision, 'hold')
    t.match(answer.warnings, [
      /^the override was ignored: on an object that is created, .* override the update$/,
    ])
    const calm = fresh().toNode('n1', [disk('d1', { synced: false })], {
      metadata: { annotations: { 'holdfast.dev/override': reason } },
    })
    const passed = await new GateWorld(fresh()).decide(calm)
    t.strictSame(
      passed.answer,
      { allowed: true, warnings: [] },
      'nothing is said where nothing stands against it',
    )
  },
)

t.test('an override needs a reason', async (t) => {
  const annotations = { 'holdfast.dev/override': ' ' }
  const change = dangerous().toNode('n1', [disk('d1')], { ...evicting, metadata: { annotations } })
  const { verdict, answer } = await new GateWorld(dangerous()).decide(change)
  t.equal(verdict.decision, 'hold')
  t.match(answer.warnings, [/^the override was ignored: .* needs a reason/])
})

t.test(
  'the reason of an override is one line of at most 1,024 characters in the record, and of 250 in the answer',
  async (t) => {
    const annotations = { 'holdfast.dev/override': ` a\nb${'x'.repeat(250_000)}` }
    const change = dangerous().toNode('n1', [disk('d1')], { ...evicting, metadata: { annotations } })
    const { verdict, answer } = await new GateWorld(dangerous()).decide(change)
    t.match(verdict, { decision: 'allow', override: { reason: `a b${'x'.repeat(1_020)}…` } })
    t.equal(answer.warnings[0]?.length, 250)
  },
)

t.test('an override of a harmless change is ignored', async (t) => {
  const calm = dangerous().toNode('n1', [disk('d1')], { metadata: annotated.metadata })
  const { answer } = await new GateWorld(dangerous()).decide(calm)
  t.strictSame(answer, { allowed: true, warnings: [] })
})

t.test('an override breaks the glass while nothing can be judged, and only without exceptions', async (t) => {
  const blind = (policy: Partial<Policy> = {}) => {
    const world = new GateWorld(dangerous(), { policy })
    world.freshness.synced = false
    return world.decide(eviction())
  }
  t.match(await blind(), {
    verdict: { decision: 'allow', override: { reason }, unjudged: 'disk-map-not-synced' },
    answer: { warnings: [/^overridden/, /^not judged: the guard has not read all/] },
  })
  const override = { groups: undefined, except: new Set(['copy-in-use'] as const) }
  t.match(await blind({ override }), { verdict: { decision: 'unavailable' } })
})

t.test('an override passes a reservation of the other side too', async (t) => {
  const world = new GateWorld(dangerous().image('ubuntu', [ready('d1'), ready('d2')]))
  t.match(await world.decide(world.cluster.cleanUp('ubuntu', ['d1'])), { verdict: { decision: 'allow' } })
  const plain = world.cluster.toNode('n1', [disk('d1')], evicting)
  t.match(await world.decide(plain), { verdict: { decision: 'hold' } })
  t.match(await world.decide(eviction()), { verdict: { decision: 'allow', override: { reason } } })
})

t.test('a guard that only warns admits with warnings, and writes nothing', async (t) => {
  const world = new GateWorld(dangerous(), { policy: watching })
  const plain = dangerous().toNode('n1', [disk('d1')], evicting)
  t.match(await world.decide(plain), {
    verdict: { decision: 'allow' },
    answer: { allowed: true, warnings: [/^evicting .*\(rule eviction-during-cleanup\)$/] },
  })
  t.strictSame(world.trips, [])
  world.freshness.ageMs = () => Infinity
  t.match(await world.decide(plain), { verdict: { decision: 'allow', unjudged: 'disk-map-too-old' } })
})

/** An override in the form for a deletion, of n1 as it is. */
const forDeletion = { 'holdfast.dev/override': `delete uid-n1/1 before 2026-11-30T12:00:00Z: ${reason}` }

t.test(
  'an update with an override for a deletion is held, and the answer says how to write one',
  async (t) => {
    const change = dangerous().toNode('n1', [disk('d1')], {
      ...evicting,
      metadata: { annotations: forDeletion },
    })
    const { verdict, answer } = await new GateWorld(dangerous()).decide(change)
    t.equal(verdict.decision, 'hold')
    t.match(answer.warnings, [/begins with "delete" counts for the deletion.* For an update, set annotation/])
    t.ok((answer.warnings[0]?.length ?? 0) <= 250, 'kubectl shows it whole')
  },
)

t.test('the write that only brings an override for a deletion passes without a word', async (t) => {
  const change = dangerous().toNode('n1', [disk('d1')], { metadata: { annotations: forDeletion } })
  t.match((await new GateWorld(dangerous()).decide(change)).answer, { allowed: true, warnings: [] })
})
