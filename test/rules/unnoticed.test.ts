import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, noon, parsed, releases, type TestCluster } from '../fixtures/cluster.ts'
import { disk, pending, rawImage, rawNode, rawSource, ready } from '../fixtures/raw-objects.ts'

const flagged = { evictionRequested: true }
const second = 1_000

/** n1 with two disks, n2 with one; ubuntu has a copy on each. */
const usual = (release: string, ...disks: Parameters<typeof disk>[]) =>
  cluster(release)
    .node('n1', disks.length > 0 ? disks.map((each) => disk(...each)) : [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d2'), ready('d3')])

const evict = (of: TestCluster, name: string) =>
  of.toNode(
    'n1',
    ['d1', 'd2'].map((each) => disk(each, name === each ? flagged : {})),
  )

/** The findings of these rules, as `eviction-during-cleanup hold +8s`. */
function said(
  of: TestCluster,
  change: Parameters<TestCluster['judge']>[0],
  at: number,
  policy = {},
): string[] {
  const rules = /^(eviction-during-cleanup|cleanup-during-eviction|first-file-)/
  return of
    .judge(change, policy, at)
    .filter(({ rule }) => rules.test(rule))
    .map(({ rule, effect, until }) =>
      [rule, effect, until === undefined ? '' : `+${(until - at) / second}s`].join(' ').trim(),
    )
}

t.test('o1: an eviction waits until Longhorn has noticed the end of a clean-up, where it crashes', (t) => {
  for (const profile of profiles) {
    const drained = usual(releases[profile])
      .image('debian', [pending('d1'), ready('d3')])
      .at(noon)
      .image('debian', [ready('d3')])
    const on = (name: string, at: number) => said(drained, evict(drained, name), at)
    const hold = (ms: number) => [`eviction-during-cleanup hold +${ms / second}s`]
    t.strictSame(on('d1', noon + 2_000), profile === 'A' || profile === 'B' ? hold(8_000) : [], profile)
    t.strictSame(on('d2', noon + 2_000), profile === 'A' ? hold(8_000) : [], `another disk, ${profile}`)
    t.strictSame(on('d1', noon + 10_000), [], `${profile}, noticed`)
  }
  t.end()
})

t.test('the finding says how long ago the clean-up ended, and how long the wait still takes', (t) => {
  const drained = usual('v1.8.0')
    .image('debian', [pending('d1')])
    .at(noon)
    .image('debian', [])
  t.match(drained.judge(evict(drained, 'd1'), {}, noon + 2_000), [
    {
      found: 'the clean-up of backing image debian from d1 ended only 2s ago',
      why: /^Longhorn may not have noticed yet\. .*crash/,
      next: 'The request is allowed in about 8s.',
      until: noon + 10_000,
      subjects: [{ node: 'n1', disk: 'd1', image: 'debian' }],
    },
  ])
  const cleared = usual('v1.8.0', ['d1', flagged], ['d2'])
    .at(noon)
    .node('n1', [disk('d1'), disk('d2')])
  t.match(cleared.judge(cleared.cleanUp('ubuntu', ['d2']), {}, noon + 2_000), [
    {
      doing: 'removing the copy of ubuntu on d2 of n1',
      found: 'the eviction of n1 was cleared only 2s ago',
      why: /^Longhorn may not have noticed yet\./,
      next: 'The request is allowed in about 8s.',
    },
  ])
  t.end()
})

t.test('o2–o4, o9: a clean-up waits until Longhorn has noticed that a flag was cleared', (t) => {
  for (const profile of profiles) {
    const cleared = usual(releases[profile], ['d1', flagged], ['d2'])
      .at(noon)
      .node('n1', [disk('d1'), disk('d2')])
    const on = (name: string, at: number) => said(cleared, cleared.cleanUp('ubuntu', [name]), at)
    const hold = ['cleanup-during-eviction hold +7s']
    t.strictSame(on('d1', noon + 3_000), profile === 'A' || profile === 'B' ? hold : [], profile)
    t.strictSame(on('d2', noon + 3_000), profile === 'A' ? hold : [], `beside it, ${profile}`)
    t.strictSame(on('d3', noon + 3_000), [], `on another node, ${profile}`)
    t.strictSame(on('d1', noon + 10_000), [], `${profile}, noticed`)
  }
  t.end()
})

t.test('the end of an eviction that is let through is only warned about after a clear too', (t) => {
  const cleared = usual('v1.8.0', ['d1', flagged], ['d2'])
    .image('debian', [ready('d1', { evicting: true }), ready('d3')])
    .at(noon)
    .node('n1', [disk('d1'), disk('d2')])
  const end = cleared.cleanUp('debian', ['d1'])
  t.strictSame(said(cleared, end, noon), ['cleanup-during-eviction hold +10s'])
  t.strictSame(said(cleared, end, noon, { evictionCompletion: 'allow' }), [
    'cleanup-during-eviction warn +10s',
  ])
  t.end()
})

t.test(
  'o5: a first file waits until Longhorn has noticed that a flag was cleared, and is not refused',
  (t) => {
    for (const profile of profiles) {
      const cleared = usual(releases[profile], ['d1', flagged], ['d2'])
        .at(noon)
        .node('n1', [disk('d1'), disk('d2')])
      const on = (name: string, at: number) => said(cleared, cleared.place('fresh', name), at)
      const hold = ['first-file-during-eviction hold +9s']
      t.strictSame(on('d1', noon + 1_000), profile === 'A' || profile === 'B' ? hold : [], profile)
      t.strictSame(on('d2', noon + 1_000), profile === 'A' ? hold : [], `beside it, ${profile}`)
      t.strictSame(on('d1', noon + 10_000), [], `${profile}, noticed`)
    }
    t.end()
  },
)

t.test('o6: an eviction waits until Longhorn has noticed that a first file is finished', (t) => {
  for (const profile of ['A', 'B', 'C'] as const) {
    const made = usual(releases[profile]).source('fresh', 'd1').at(noon).source('fresh', 'd1', true)
    const on = (name: string, at: number) => said(made, evict(made, name), at)
    const hold = ['first-file-unfinished hold +6s']
    t.strictSame(on('d1', noon + 4_000), profile === 'C' ? [] : hold, profile)
    t.strictSame(on('d2', noon + 4_000), profile === 'A' ? hold : [], `another disk, ${profile}`)
    t.strictSame(on('d1', noon + 10_000), [], `${profile}, noticed`)
    t.strictSame(said(made, made.cleanUp('ubuntu', ['d1']), noon), [], 'a clean-up meets nothing there')
  }
  t.end()
})

t.test('o7: a disk of unknown UUID may be one that was cleaned up a moment ago', (t) => {
  const leaving = cluster('v1.8.0')
    .node('n1', [disk('d1', flagged)])
    .image('debian', [pending('d9')])
    .at(noon)
    .image('debian', [])
  const joined = leaving.toNode('n1', [disk('d1', flagged), disk('d9', { synced: false })])
  t.strictSame(said(leaving, joined, noon + 1_000), ['eviction-during-cleanup hold +9s'])
  t.match(leaving.judge(joined, {}, noon)[0]?.why, /It may be disk d9 of node n1, whose UUID is not known/)
  leaving.node('n2', [disk('d9')])
  t.strictSame(said(leaving, joined, noon + 1_000), [], 'not once another node has it')
  t.end()
})

t.test('a disk that no node has may be the one of unknown UUID whose flag was just cleared', (t) => {
  const unsynced = { synced: false }
  for (const profile of ['A', 'B'] as const) {
    const of = cluster(releases[profile])
      .node('n1', [disk('d1')])
      .node('n2', [disk('d9', { ...unsynced, ...flagged })])
      .image('debian', [ready('d9'), ready('d1')])
    const cleanUp = of.cleanUp('debian', ['d9'])
    t.strictSame(said(of, cleanUp, noon), ['cleanup-during-eviction hold'], `${profile}, the flag is up`)
    of.at(noon).node('n2', [disk('d9', unsynced)])
    t.strictSame(said(of, cleanUp, noon + 1_000), ['cleanup-during-eviction hold +9s'], profile)
    t.strictSame(said(of, cleanUp, noon + 10_000), [], `${profile}, noticed`)
  }
  t.end()
})

t.test('the finding says which disk of unknown UUID may be the one', (t) => {
  const said = (change: 'clean-up' | 'first file', ...names: readonly string[]) => {
    const disks = (options: Parameters<typeof disk>[1]) =>
      names.map((name) => disk(name, { synced: false, ...options }))
    const of = cluster('v1.8.0')
      .node('n1', [disk('d1')])
      .node('n2', disks(flagged))
      .image('debian', [ready('d1'), ready('d9')])
      .at(noon)
      .node('n2', disks({}))
    const judged = change === 'clean-up' ? of.cleanUp('debian', ['d9']) : of.place('debian', 'd9')
    const about = of.judge(judged, {}, noon + 2_000).filter(({ rule }) => rule.includes('during-eviction'))
    return about.map(({ found, why }) => `${found}. ${why}`).join('\n')
  }
  const crash = / Longhorn may not have noticed yet\. Longhorn v1\.8\.0 crashes the longhorn-manager of n2 /
  for (const change of ['clean-up', 'first file'] as const) {
    const one = said(change, 'd9')
    t.match(
      one,
      'an eviction of n2 ended only 2s ago, when the UUID of its disk d9 was not known. That may be this disk',
    )
    t.match(one, crash)
    t.notMatch(one, 'learnt', 'the guard has seen the change')
    t.match(
      said(change, 'd8', 'd9'),
      'when the UUIDs of its disks d8, d9 were not known. One of them may be this disk',
    )
  }
  t.end()
})

t.test('changes that the guard has not seen count as if the worst of them had just ended', (t) => {
  const generation = { metadata: { name: 'x', generation: 2 } }
  const at = noon + 4_000
  const learnt = (kind: 'Node' | 'BackingImage' | 'BackingImageDataSource') => {
    const of = usual('v1.8.1')
    const raws = {
      Node: rawNode('n2', [disk('d3')], { metadata: { generation: 3 } }),
      BackingImage: rawImage('x', [], generation),
      BackingImageDataSource: { ...rawSource('x', 'd3', true), ...generation },
    }
    of.map.apply(parsed(kind, raws[kind]), noon)
    return of
  }
  const node = learnt('Node')
  t.strictSame(said(node, node.cleanUp('ubuntu', ['d1']), at), ['cleanup-during-eviction hold +6s'])
  t.strictSame(said(node, node.place('fresh', 'd1'), at), ['first-file-during-eviction hold +6s'])
  t.strictSame(said(node, node.place('fresh', 'd9'), at), ['first-file-during-eviction hold +6s'])
  t.strictSame(said(node, evict(node, 'd1'), at), [])
  t.match(
    node.judge(node.cleanUp('ubuntu', ['d1']), {}, at)[0]?.found,
    /learnt only 4s ago how Node n2 is now/,
  )
  const image = learnt('BackingImage')
  t.strictSame(said(image, evict(image, 'd1'), at), ['eviction-during-cleanup hold +6s'])
  t.strictSame(said(image, image.cleanUp('ubuntu', ['d1']), at), [])
  const source = learnt('BackingImageDataSource')
  t.strictSame(said(source, evict(source, 'd1'), at), ['first-file-unfinished hold +6s'])
  t.strictSame(said(source, evict(source, 'd1'), noon + 10_000), [])
  t.end()
})

t.test('a change that ended shortly before an outage counts from the end of the outage', (t) => {
  const drained = () =>
    usual('v1.8.0')
      .image('debian', [pending('d1')])
      .at(noon)
      .image('debian', [])
  const evicted = (of: TestCluster, at: number) => said(of, evict(of, 'd1'), at)
  const out = drained()
  out.map.history.outageBegan(noon + 9_000)
  t.strictSame(evicted(out, noon + 20_000), ['eviction-during-cleanup hold +90s'], 'while it lasts')
  out.map.history.outageEnded(noon + 30_000)
  t.strictSame(evicted(out, noon + 31_000), ['eviction-during-cleanup hold +89s'])
  t.strictSame(evicted(out, noon + 120_000), [])
  const before = drained()
  before.map.history.outageBegan(noon + 10_000)
  before.map.history.outageEnded(noon + 11_000)
  t.strictSame(evicted(before, noon + 11_000), [], 'Longhorn had noticed before')
  const after = usual('v1.8.0').image('debian', [pending('d1')])
  after.map.history.outageBegan(noon)
  after.map.history.outageEnded(noon + 1_000)
  after.at(noon + 50_000).image('debian', [])
  t.strictSame(
    evicted(after, noon + 51_000),
    ['eviction-during-cleanup hold +40s'],
    'its watches may still be away',
  )
  t.end()
})

t.test('both times are for the operator to set, and 0 turns it off', (t) => {
  const drained = usual('v1.8.0')
    .image('debian', [pending('d1')])
    .at(noon)
    .image('debian', [])
  drained.map.history.outageBegan(noon)
  drained.map.history.outageEnded(noon)
  const evicted = (policy: object) => said(drained, evict(drained, 'd1'), noon, policy)
  const hold = (seconds: number) => [`eviction-during-cleanup hold +${seconds}s`]
  t.strictSame(evicted({ settleAfterOutageMs: 20_000 }), hold(20))
  t.strictSame(evicted({ settleMs: 30_000, settleAfterOutageMs: 0 }), hold(30))
  t.strictSame(evicted({ settleMs: 0 }), [])
  t.end()
})
