import t from 'tap'
import type { Observed } from '../../../src/commands/status/observe.ts'
import { readGuardReplica, someInDanger } from '../../../src/commands/status/status.ts'
import type { NodeState } from '../../../src/rules/node-state.ts'
import { cluster, noon, releases, type TestCluster } from '../../fixtures/cluster.ts'
import { disk, pending, planned, ready, uuid } from '../../fixtures/raw-objects.ts'
import { reservation } from '../../gate/reservation-book-contract.ts'
import { look, quietReplica } from './look.ts'

t.test('a replica reports the release that it is configured for', (t) => {
  const answer = { replica: 'a', version: '1', synced: true, holds: 0 }
  const releaseOf = (policy: unknown): unknown => {
    const parsed = readGuardReplica({ ...answer, policy }, 0)
    return parsed.ok ? parsed.value.release : parsed.problem
  }
  t.equal(releaseOf({ modes: {}, release: 'v1.8.0' }), 'v1.8.0')
  for (const policy of [undefined, { modes: {} }, { modes: {}, release: null }])
    t.equal(releaseOf(policy), null)
  t.end()
})

t.test('a node settles where something has ended that Longhorn may not have noticed', (t) => {
  const cleared = cluster('v1.8.0')
    .node('n1', [disk('d1', { evictionRequested: true })])
    .node('n2', [disk('d2')])
    .at(noon)
    .node('n1', [disk('d1')])
  const states = (options: Partial<Observed>) =>
    look(cleared, options).nodes.map(({ state, settlesAt }) => [state, settlesAt])
  const until = noon + 10_000
  const settles = ['settling', new Date(until).toISOString()]
  t.strictSame(states({ now: noon + 9_000 }), [settles, ['ok', null]], 'seen while watching')
  t.strictSame(states({ now: until }), [
    ['ok', null],
    ['ok', null],
  ])
  const guard = [{ ...quietReplica, settling: [{ node: 'n2', until }] }]
  t.strictSame(states({ now: noon, guard }), [['ok', null], settles], 'the guard knows better')
  t.strictSame(states({ now: until, guard }), [
    ['ok', null],
    ['ok', null],
  ])
  t.end()
})

t.test('times are counted by one clock and shown by another, which may be set', (t) => {
  const hour = 60 * 60_000
  const world = cluster('v1.8.0')
    .node('n1', [disk('d1')])
    .image('i', [pending('d1')])
  const parsed = readGuardReplica(
    {
      replica: 'a',
      version: '1',
      synced: true,
      holds: 0,
      pendingCleanups: [{ image: 'i', diskUUID: uuid('d1'), pendingMs: 60_000 }],
      settling: [{ node: 'n1', leftMs: 8_000 }],
    },
    noon - 2_000,
  )
  if (!parsed.ok) throw new Error(parsed.problem)
  const { observedAt, nodes, pendingCleanups } = look(world, {
    now: noon,
    timeOfDay: noon - hour,
    guard: [parsed.value],
  })
  const distance = (time: string | null | undefined) => Date.parse(time ?? '') - Date.parse(observedAt)
  t.equal(Date.parse(observedAt), noon - hour)
  t.equal(distance(nodes[0]?.settlesAt), 6_000)
  t.equal(distance(pendingCleanups[0]?.since), -62_000)
  t.end()
})

t.test('of a replica of an older version the times of day are passed over', (t) => {
  const old = { replica: 'a', version: '0', synced: true, holds: 1 }
  const pendingCleanups = [{ image: 'i', diskUUID: uuid('d1'), since: noon }]
  const settling = [{ node: 'n1', until: noon }]
  t.strictSame(readGuardReplica({ ...old, pendingCleanups, settling }, noon), {
    ok: true,
    value: { ...old, mode: null, release: null, settle: undefined, pendingCleanups: [], settling: [] },
  })
  t.match(readGuardReplica({ ...old, holds: 'many' }, noon), { ok: false, problem: /holds/ })
  t.end()
})

t.test('a node settles only for changes that matter on its release', (t) => {
  const evicting = { evictionRequested: true }
  const states = (release: string, from: readonly string[], to: readonly string[]) => {
    const disks = (evicted: readonly string[]) =>
      ['d1', 'd2'].map((name) => disk(name, evicted.includes(name) ? evicting : {}))
    const unsynced = disk('d3', { synced: false })
    const cleared = cluster(release)
      .node('n1', [...disks(from), unsynced])
      .at(noon)
    cleared.node('n1', [...disks(to), unsynced])
    return look(cleared, { now: noon + 9_000 }).nodes.map(({ state }) => state)
  }
  t.strictSame(states(releases.A, ['d1'], []), ['settling'])
  t.strictSame(states(releases.B, ['d1'], []), ['settling'])
  t.strictSame(states(releases.C, ['d1'], []), ['ok'])
  t.end()
})

t.test('a node is in danger only where its release crashes', (t) => {
  const flagged = disk('d2', { evictionRequested: true })
  const cases: readonly (readonly [string, TestCluster, NodeState])[] = [
    [
      'A, a pending clean-up on the other disk',
      cluster(releases.A)
        .node('n', [disk('d1'), flagged])
        .image('i', [pending('d1')]),
      'danger',
    ],
    [
      'B, a pending clean-up on the other disk',
      cluster(releases.B)
        .node('n', [disk('d1'), flagged])
        .image('i', [pending('d1')]),
      'flagged',
    ],
    [
      'B, a pending clean-up on the evicted disk',
      cluster(releases.B)
        .node('n', [disk('d1'), flagged])
        .image('i', [pending('d2')]),
      'danger',
    ],
    [
      'C',
      cluster(releases.C)
        .node('n', [disk('d1'), flagged])
        .image('i', [pending('d2')]),
      'flagged',
    ],
    [
      'release unknown',
      cluster()
        .node('n', [flagged])
        .image('i', [pending('d2')]),
      'danger',
    ],
    [
      'no flag',
      cluster(releases.A)
        .node('n', [disk('d1')])
        .image('i', [pending('d1')]),
      'cleaning up',
    ],
    [
      'a flag and no clean-up',
      cluster(releases.A)
        .node('n', [flagged])
        .image('i', [ready('d2')]),
      'flagged',
    ],
    [
      'at rest',
      cluster(releases.A)
        .node('n', [disk('d1')])
        .image('i', [ready('d1')]),
      'ok',
    ],
  ]
  for (const [what, world, state] of cases) {
    const status = look(world)
    t.equal(status.nodes[0]?.state, state, what)
    t.equal(someInDanger(status), state === 'danger', what)
  }
  t.end()
})

t.test('each disk has its copies by phase, its flag and the state of its manager', (t) => {
  const { nodes, longhorn } = look(
    cluster(releases.A)
      .node('n', [disk('d1', { evictionRequested: true }), disk('d2', { synced: false })])
      .manager('d1', 'running')
      .image('a', [ready('d1')])
      .image('b', [planned('d1')])
      .image('c', [pending('d1'), ready('d9')]),
  )
  t.strictSame(longhorn, { release: 'v1.8.0', configured: null, profile: 'A', assumed: false })
  t.strictSame(nodes, [
    {
      name: 'n',
      state: 'danger',
      settlesAt: null,
      evictionRequested: false,
      allowScheduling: true,
      noted: null,
      disks: [
        {
          name: 'd1',
          uuid: uuid('d1'),
          evictionRequested: true,
          allowScheduling: true,
          copies: { planned: 1, present: 1, pendingCleanup: 1 },
          managerState: 'running',
        },
        {
          name: 'd2',
          uuid: null,
          evictionRequested: false,
          allowScheduling: true,
          copies: { planned: 0, present: 0, pendingCleanup: 0 },
          managerState: null,
        },
      ],
    },
  ])
  t.end()
})

t.test('the age of a clean-up is shown only as far as it is known', (t) => {
  const world = cluster(releases.A)
    .node('n', [disk('d1')])
    .image('i', [pending('d1')])
  const age = (watchingSince: number | undefined) => {
    const [{ since, ageKnown } = {}] = look(world, { watchingSince }).pendingCleanups
    return { since, ageKnown }
  }
  const since = new Date(noon).toISOString()
  t.strictSame(age(undefined), { since: null, ageKnown: 'unknown' })
  t.strictSame(age(noon), { since, ageKnown: 'at least' }, 'it was there when the watching began')
  t.strictSame(age(noon - 1), { since, ageKnown: 'exact' }, 'it began during a watch')
  t.end()
})

t.test('clean-ups on disks that no node has are shown too', (t) => {
  const status = look(
    cluster(releases.A)
      .node('n', [disk('d1')])
      .image('i', [pending('lost')]),
  )
  t.match(status.pendingCleanups, [{ image: 'i', diskUUID: uuid('lost'), node: null, disk: null }])
  t.end()
})

t.test('named nodes are shown alone, with their objects', (t) => {
  const world = cluster(releases.A)
    .node('n10', [disk('d10')])
    .node('n2', [disk('d2')])
    .node('n1', [disk('d1')])
    .image('i', [pending('d1'), pending('d2'), pending('lost')])
  const entries = ['n1', 'n2', '(unowned disks)'].map((key) => ({
    key,
    version: '1',
    reservations: [reservation('r')],
  }))
  const all = look(world, { entries })
  t.strictSame(
    all.nodes.map(({ name }) => name),
    ['n1', 'n2', 'n10'],
    'in the order that people count',
  )
  t.strictSame(
    all.reservations?.map(({ node }) => node),
    [null, 'n1', 'n2'],
  )
  const one = look(world, { entries, only: new Set(['n2']) })
  t.match(one.nodes, [{ name: 'n2' }])
  t.match(one.pendingCleanups, [{ node: 'n2' }])
  t.strictSame(one.reservations, [
    {
      node: 'n2',
      intent: 'removal',
      object: { kind: 'BackingImage', name: 'ubuntu-22.04' },
      disks: reservation('r').disks,
      deadline: '2026-11-23T12:01:10.123Z',
      by: 'holdfast-0',
    },
  ])
  t.end()
})

t.test('reservations that cannot be read are unknown, and not an empty list', (t) => {
  t.equal(look(cluster(releases.A), { entries: undefined }).reservations, null)
  t.strictSame(look(cluster(releases.A)).reservations, [])
  t.end()
})
