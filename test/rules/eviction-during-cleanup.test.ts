import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, noon, parsed, releases, withMode } from '../fixtures/cluster.ts'
import { disk, pending, rawImage, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'eviction-during-cleanup'
const evicting = { evictionRequested: true }

/** A clean-up is pending on d1 of n1, and d2 is at rest; n2 has the good copy. */
const cleaning = (release: string) =>
  cluster(release)
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [pending('d1'), ready('d3')])

t.test('o1: an eviction while a clean-up is pending, by profile and target', (t) => {
  const table = {
    'the disk of the clean-up': { A: 'hold', B: 'hold', C: 'hold', none: 'warn' },
    'another disk of the node': { A: 'hold', B: undefined, C: undefined, none: undefined },
    'the whole node': { A: 'hold', B: 'hold', C: 'hold', none: 'warn' },
    'another node': { A: undefined, B: undefined, C: undefined, none: undefined },
  } as const
  for (const profile of profiles) {
    const before = cleaning(releases[profile])
    const changes = {
      'the disk of the clean-up': before.toNode('n1', [disk('d1', evicting), disk('d2')]),
      'another disk of the node': before.toNode('n1', [disk('d1'), disk('d2', evicting)]),
      'the whole node': before.toNode('n1', [disk('d1'), disk('d2')], evicting),
      'another node': before.toNode('n2', [disk('d3', evicting)], evicting),
    }
    for (const what of [
      'the disk of the clean-up',
      'another disk of the node',
      'the whole node',
      'another node',
    ] as const) {
      const wanted = table[what][profile]
      t.strictSame(before.effects(rule, changes[what]), wanted ? [wanted] : [], `${what} on ${profile}`)
    }
  }
  t.end()
})

t.test('the first flag of a node counts for all its disks, a later one for its own', (t) => {
  for (const profile of ['A', 'B'] as const) {
    const flagged = cleaning(releases[profile]).node('n1', [disk('d1'), disk('d2', evicting), disk('d4')])
    const second = flagged.toNode('n1', [disk('d1'), disk('d2', evicting), disk('d4', evicting)])
    t.strictSame(flagged.effects(rule, second), [], `another disk, on ${profile}: nothing becomes worse`)
    const same = flagged.toNode('n1', [disk('d1', evicting), disk('d2', evicting), disk('d4')])
    t.strictSame(flagged.effects(rule, same), ['hold'], `the disk of the clean-up, on ${profile}`)
  }
  t.end()
})

t.test('a flag that moves from the node to one of its disks starts no eviction', (t) => {
  const flagged = cleaning('v1.8.1').node('n1', [disk('d1'), disk('d2')], evicting)
  t.strictSame(flagged.effects(rule, flagged.toNode('n1', [disk('d1', evicting), disk('d2')])), [])
  t.end()
})

t.test('o7: a disk with a pending clean-up that joins a flagged node', (t) => {
  const table = { A: ['hold'], B: [], C: [], none: [] }
  for (const profile of profiles) {
    const before = cleaning(releases[profile]).node('n1', [disk('d2', evicting)])
    // Its status is still there from before, or was written by the node controller ahead of time.
    const joins = before.toNode('n1', [disk('d1'), disk('d2', evicting)])
    t.strictSame(before.effects(rule, joins), table[profile], `not evicted itself, on ${profile}`)
    const evicted = before.toNode('n1', [disk('d1', evicting), disk('d2', evicting)])
    const effect = profile === 'none' ? 'warn' : 'hold'
    t.strictSame(before.effects(rule, evicted), [effect], `evicted itself, on ${profile}`)
  }
  t.end()
})

t.test('a disk of unknown UUID may be the one that no node has', (t) => {
  const table = { A: ['hold'], B: ['hold'], C: [], none: [] }
  for (const profile of profiles) {
    const before = cluster(releases[profile])
      .node('n1', [])
      .image('ubuntu', [pending('d1'), ready('d3')])
    const change = before.toNode('n1', [disk('new', { ...evicting, synced: false })])
    t.strictSame(before.effects(rule, change), table[profile], profile)
    const owned = before.node('n2', [disk('d1')])
    t.strictSame(owned.effects(rule, change), [], `once a node has it, on ${profile}`)
  }
  const fresh = cluster('v1.8.0').image('ubuntu', [pending('d1'), ready('d3')])
  const created = fresh.toNode('n1', [disk('new', { ...evicting, synced: false })])
  t.match(fresh.judge(created), [
    {
      rule,
      effect: 'hold',
      doing: 'adding new to node n1 while it is evicted',
      found: /disk uuid-d1 \(which no node has\)/,
      why: /^No node has disk uuid-d1\. It may be disk new of node n1/,
    },
  ])
  t.end()
})

t.test('and so it may be one of a node that is dead: it may have been moved', (t) => {
  for (const profile of ['A', 'B'] as const) {
    const before = cluster(releases[profile])
      .node('n1', [])
      .node('n2', [disk('d1')], { notReady: { reason: 'KubernetesNodeGone' } })
      .image('ubuntu', [pending('d1'), ready('d3')])
    const change = before.toNode('n1', [disk('new', { ...evicting, synced: false })])
    t.match(before.judge(change), [
      {
        rule,
        effect: 'hold',
        found: /is still being removed from d1 of n2 \(for 0s\)$/,
        why: /^Disk d1 \(uuid-d1\) does not work on node n2\. It may be disk new of node n1, whose UUID/,
        next: /It is also allowed once Longhorn has found out that disk new of node n1 is another disk, or once that disk is removed from the node, which takes that its scheduling is disabled\.$/,
      },
    ])
    const known = before.toNode('n1', [disk('new', evicting)])
    t.strictSame(before.effects(rule, known), [], `and once it is known to be another, on ${profile}`)
  }
  t.end()
})

t.test('on profile C a clean-up that is stuck holds no eviction', (t) => {
  const before = cleaning('v1.10.0')
  const change = before.toNode('n1', [disk('d1', evicting), disk('d2')])
  t.strictSame(before.effects(rule, change, {}, noon + 300_000), ['hold'])
  t.strictSame(before.effects(rule, change, {}, noon + 300_001), ['warn'])
  t.strictSame(before.effects(rule, change, { stuckAfterMs: 10 }, noon + 11), ['warn'])
  const crashing = cleaning('v1.8.1')
  const same = crashing.toNode('n1', [disk('d1', evicting), disk('d2')])
  t.strictSame(
    crashing.effects(rule, same, {}, noon + 86_400_000),
    ['hold'],
    'on A and B it holds as long as it lasts',
  )
  t.end()
})

t.test('when most images are pending at once there is one finding, about the CRD', (t) => {
  const before = cluster('v1.8.0').node('n1', [disk('d1')])
  for (const name of ['a', 'b', 'c']) before.image(name, [pending('d1')])
  before.image('d', [ready('d1')])
  const change = before.toNode('n1', [disk('d1', evicting)])
  const found = before.judge(change).filter((finding) => finding.rule === rule)
  t.match(found, [
    {
      effect: 'hold',
      subjects: [{ node: 'n1' }],
      found: /^3 of 4 backing images/,
      why: /^The CRD .* looks out of date/,
    },
  ])
  t.equal(found.length, 1)
  for (const name of ['e', 'f']) before.image(name, [ready('d1')])
  t.equal(before.effects(rule, change).length, 3, 'half of the images is not most')
  t.end()
})

t.test('an outdated CRD is no reason to hold an eviction for ever on profile C', (t) => {
  const table = { A: ['hold'], B: ['hold'], C: ['warn'], none: ['warn'] }
  for (const profile of profiles) {
    const before = cluster(releases[profile]).node('n1', [disk('d1')])
    for (const name of ['a', 'b', 'c', 'd']) before.image(name, [pending('d1')])
    const change = before.toNode('n1', [disk('d1', evicting)])
    t.strictSame(before.effects(rule, change, {}, noon + 300_001), table[profile], `stuck, on ${profile}`)
    before.map.remove('BackingImage', 'd', noon)
    before.map.apply(parsed('BackingImage', rawImage('d', [pending('d1')])), noon + 300_000)
    const effect = profile === 'none' ? 'warn' : 'hold'
    t.strictSame(before.effects(rule, change, {}, noon + 300_001), [effect], `one is fresh, on ${profile}`)
  }
  t.end()
})

t.test(
  'the finding names image, disk, node and age, the consequence, the end and the commands to look',
  (t) => {
    const before = cleaning('v1.8.0').manager('d1', 'unknown')
    const [finding] = before.judge(before.toNode('n1', [disk('d1'), disk('d2', evicting)]))
    t.match(finding, {
      rule,
      subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
      doing: 'evicting d2 of n1',
      found: 'backing image ubuntu is still being removed from d1 (for 0s)',
      why: /^Longhorn v1\.8\.0 crashes the longhorn-manager of n1 /,
      next: /^The eviction is allowed as soon as the clean-up ends\. .* manager of the disk is unknown/,
      look: ['kubectl -n longhorn-system get backingimages.longhorn.io ubuntu -o yaml'],
    })
    const stopped = before.manager('d1', '').judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))
    t.match(stopped[0]?.next, /is not running/)
    const running = before
      .manager('d1', 'running')
      .judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))
    t.notMatch(running[0]?.next, /manager/)
    t.end()
  },
)

t.test('an unknown release is taken for the worst, and a pinned one wins', (t) => {
  const before = cleaning('v1.10.0')
  const other = before.toNode('n1', [disk('d1'), disk('d2', evicting)])
  t.strictSame(before.effects(rule, other), [])
  t.strictSame(before.effects(rule, other, { release: 'v1.8.0' }), ['hold'])
  before.map.remove('Setting', 'current-longhorn-version', noon)
  t.match(before.judge(other), [{ effect: 'hold', why: /of unknown release, so the worst is assumed/ }])
  t.end()
})

t.test('the reason names the assumption for a release that is unknown or newer than the guard', (t) => {
  const evict = (release: string) => {
    const before = cleaning(release)
    return before.judge(before.toNode('n1', [disk('d1', evicting), disk('d2')]))
  }
  t.match(evict('v1.13.0'), [
    { why: /^Longhorn v1\.13\.0 \(newer than this guard knows, so judged as v1\.12\) requeues n1/ },
  ])
  t.match(evict('v1.12.4'), [{ why: /^Longhorn v1\.12\.4 requeues n1/ }])
  t.match(evict('master-head'), [{ why: /^Longhorn \(of unknown release, so the worst is assumed\)/ }])
  t.end()
})

t.test('modes', (t) => {
  const before = cleaning('v1.8.0')
  const change = before.toNode('n1', [disk('d1', evicting), disk('d2')])
  t.strictSame(before.effects(rule, change, withMode(rule, 'enforce')), ['hold'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, change, withMode(rule, 'off')), [])
  t.end()
})

t.test('the first line has the age of the pending clean-up', (t) => {
  const draining = cluster('v1.8.0')
    .at(noon)
    .node('n1', [disk('d1')])
    .image('debian', [pending('d1')])
  const flagged = draining.toNode('n1', [disk('d1', { evictionRequested: true })])
  const seconds = { 0: '0s', 12: '12s', 119: '119s', 150: '2m', 7_199: '119m', 20_000: '5h', 250_000: '2d' }
  for (const [after, said] of Object.entries(seconds)) {
    const [finding] = draining.judge(flagged, {}, noon + Number(after) * 1_000)
    t.equal(finding?.found, `backing image debian is still being removed from d1 (for ${said})`)
  }
  t.end()
})
