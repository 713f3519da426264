import t from 'tap'
import { type Claim, claimsOf } from '../../src/gate/claims.ts'
import { unownedDisks } from '../../src/gate/reservation-book.ts'
import { profiles } from '../../src/longhorn/releases.ts'
import { actsOf, type Change } from '../../src/rules/change.ts'
import { cluster, type releases, type TestCluster } from '../fixtures/cluster.ts'
import { copy, disk, pending, ready } from '../fixtures/raw-objects.ts'

const evicting = { evictionRequested: true }

const usual = () =>
  cluster()
    .node('n1', [disk('d1'), disk('d2')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d3')])

/** The reservations: `n1 eviction any`, `n1 removal d1,d2`, … */
function claims(of: TestCluster, change: Change, profile: keyof typeof releases): string[] {
  const all = claimsOf(actsOf(change), of.map, profile)
  return all.filter(({ looks }) => !looks).map(inWords)
}

/** The entries that are only checked. */
function looks(of: TestCluster, change: Change, profile: keyof typeof releases): string[] {
  const all = claimsOf(actsOf(change), of.map, profile)
  return all.filter((claim) => claim.looks).map(inWords)
}

function inWords({ entry, intent, disks }: Claim): string {
  return `${entry} ${intent} ${disks === 'any' ? 'any' : disks.map((each) => each.replace(/^uuid-/, '')).join(',')}`
}

function table(
  what: string,
  build: () => [TestCluster, Change],
  expected: Record<keyof typeof releases, string[]>,
) {
  t.test(what, (t) => {
    for (const profile of profiles) t.strictSame(claims(...build(), profile), expected[profile], profile)
    t.end()
  })
}

table(
  'an eviction claims its node: on profile A all of it, else the evicted disks',
  () => [usual(), usual().toNode('n1', [disk('d1', evicting), disk('d2')])],
  { A: ['n1 eviction any'], B: ['n1 eviction d1'], C: ['n1 eviction d1'], none: [] },
)

t.test('an eviction of known disks reads reservations from when no node had them', (t) => {
  const evict = usual().toNode('n1', [disk('d1', evicting), disk('d2')])
  const takeAway = usual().toNode('n1', [disk('d2')])
  for (const profile of profiles) {
    const isEvicting =
      profile === 'none' ? [] : [`${unownedDisks} eviction d1${profile === 'A' ? ',d2' : ''}`]
    const goes = profile === 'none' ? [] : [`${unownedDisks} eviction d1`]
    t.strictSame(looks(usual(), evict, profile), isEvicting, profile)
    t.strictSame(looks(usual(), takeAway, profile), goes, profile)
    t.strictSame(looks(usual(), usual().cleanUp('ubuntu', ['d1']), profile), [], profile)
  }
  t.end()
})

table(
  'an eviction on a node with a disk of unknown UUID claims the disks that no node has, and all of its own',
  () => {
    const of = usual()
    return [
      of,
      of.toNode('n1', [disk('d1', evicting), disk('d2'), disk('d4', { synced: false, ...evicting })]),
    ]
  },
  {
    A: [`${unownedDisks} eviction any`, 'n1 eviction any'],
    B: [`${unownedDisks} eviction any`, 'n1 eviction any'],
    C: ['n1 eviction d1'],
    none: [],
  },
)

const gone = { notReady: { reason: 'KubernetesNodeGone' } }

table(
  'a node that goes claims its disks (on profile C those with copies), and one other copy of each image',
  () => {
    const of = usual()
      .node('n1', [disk('d1'), disk('d2'), disk('d4'), disk('d5'), disk('d6', { synced: false })], gone)
      .image('planned', [ready('d3'), { ...ready('d4'), state: undefined }, copy('d5', 'failed')])
      .image('leaving', [ready('d2')], { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })
    return [of, of.deleteNode('n1')]
  },
  {
    A: [`${unownedDisks} removal d1,d2,d4,d5`, 'n1 eviction d1,d2,d4,d5', 'n2 eviction d3', 'n2 keep d3'],
    B: [`${unownedDisks} removal d1,d2,d4,d5`, 'n1 eviction d1,d2,d4,d5', 'n2 eviction d3', 'n2 keep d3'],
    C: ['n1 eviction d1', 'n2 keep d3'],
    none: [],
  },
)

const counted = [2, 3, 4].flatMap((n) => [`n${n} eviction d${n}`, `n${n} keep d${n}`])
const unowned = ['eviction d2', 'keep d2', 'removal d1'].map((claim) => `${unownedDisks} ${claim}`)

table(
  'of the other copies of an image a node that goes claims the best',
  () => {
    const of = cluster()
      .node('n1', [disk('d1')], gone)
      .node('n2', [disk('d2')], gone)
      .node('n3', [disk('d3')])
      .node('n4', [disk('d4')])
      .image('ready', [ready('d1'), ready('d2'), copy('d3', 'unknown'), ready('d4')])
      .image('unknown', [ready('d1'), copy('d2', 'unknown'), copy('d3', 'unknown')])
      .image('broken', [ready('d1'), copy('d2', 'unknown'), copy('d4', 'failed')])
    return [of, of.deleteNode('n1')]
  },
  {
    A: [...unowned, 'n1 eviction d1', ...counted],
    B: [...unowned, 'n1 eviction d1', ...counted],
    C: [`${unownedDisks} keep d2`, 'n1 eviction d1', 'n2 keep d2', 'n3 keep d3', 'n4 keep d4'],
    none: [],
  },
)

table(
  'a clean-up counts on what is ready on a disk that does not work: its node may be deleted',
  () => {
    const of = usual().node('n1', [disk('d1'), disk('d2')], gone)
    return [of, of.cleanUp('ubuntu', ['d3'])]
  },
  {
    A: [`${unownedDisks} keep d1`, 'n1 keep d1', 'n2 removal d3'],
    B: [`${unownedDisks} keep d1`, 'n1 keep d1', 'n2 removal d3'],
    C: [`${unownedDisks} keep d1`, 'n1 keep d1'],
    none: [],
  },
)

table(
  'a clean-up claims the nodes that have the disks; on profile C a ready copy that stays, which may be taken away',
  () => [usual(), usual().cleanUp('ubuntu', ['d1'])],
  { A: ['n1 removal d1'], B: ['n1 removal d1'], C: ['n2 keep d3'], none: [] },
)

table(
  'a clean-up of several copies claims each entry once, in order',
  () => {
    const of = usual().image('ubuntu', [ready('d3'), ready('d1'), ready('d2'), ready('d9')])
    return [of, of.cleanUp('ubuntu', ['d3', 'd2', 'd1', 'd9'])]
  },
  {
    A: [`${unownedDisks} removal d9`, 'n1 removal d1,d2', 'n2 removal d3'],
    B: [`${unownedDisks} removal d9`, 'n1 removal d1,d2', 'n2 removal d3'],
    C: [],
    none: [],
  },
)

table('a first file claims the node that has its disk', () => [usual(), usual().place('fedora', 'd3')], {
  A: ['n2 placement d3'],
  B: ['n2 placement d3'],
  C: [],
  none: [],
})

table(
  'a clean-up that leaves no ready copy counts on the others to stay',
  () => {
    const of = usual().image('ubuntu', [ready('d1'), copy('d3', 'unknown')])
    return [of, of.cleanUp('ubuntu', ['d1'])]
  },
  {
    A: ['n1 removal d1', 'n2 keep d3'],
    B: ['n1 removal d1', 'n2 keep d3'],
    C: ['n2 keep d3'],
    none: [],
  },
)

table(
  'a clean-up of what is worth nothing counts on nothing',
  () => {
    const of = usual().image('ubuntu', [copy('d1', 'failed'), copy('d3', 'unknown')])
    return [of, of.cleanUp('ubuntu', ['d1'])]
  },
  { A: ['n1 removal d1'], B: ['n1 removal d1'], C: [], none: [] },
)

table(
  'an eviction of a copy that is not ready counts on the others to stay',
  () => {
    const of = usual().image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown')])
    return [of, of.toNode('n1', [disk('d1', evicting), disk('d2')])]
  },
  {
    A: ['n1 eviction any', 'n2 keep d3'],
    B: ['n1 eviction d1', 'n2 keep d3'],
    C: ['n1 eviction d1', 'n2 keep d3'],
    none: [],
  },
)

table(
  'an eviction of a copy that is not ready counts on one that is, unless that is evicted too',
  () => {
    const of = usual()
      .image('ubuntu', [copy('d1', 'unknown'), ready('d3')])
      .image('debian', [copy('d1', 'unknown'), ready('d2'), ready('d3')])
    return [of, of.toNode('n1', [disk('d1', evicting), disk('d2', evicting)])]
  },
  {
    A: ['n1 eviction any', 'n2 keep d3'],
    B: ['n1 eviction d1,d2', 'n2 keep d3'],
    C: ['n1 eviction d1,d2', 'n2 keep d3'],
    none: [],
  },
)

table(
  'an eviction of what is worth nothing, or only pending, counts on nothing',
  () => {
    const of = usual()
      .image('ubuntu', [copy('d1', 'failed'), copy('d3', 'unknown')])
      .image('debian', [pending('d1'), copy('d3', 'unknown')])
    return [of, of.toNode('n1', [disk('d1', evicting), disk('d2')])]
  },
  { A: ['n1 eviction any'], B: ['n1 eviction d1'], C: ['n1 eviction d1'], none: [] },
)

table(
  'taking a disk without copies away is claimed where a manager can crash, and clearing flags never is',
  () => {
    const of = usual().node('n1', [disk('d1', evicting), disk('d2')])
    return [of, of.toNode('n1', [disk('d1')])]
  },
  {
    A: [`${unownedDisks} removal d2`, 'n1 eviction d2'],
    B: [`${unownedDisks} removal d2`, 'n1 eviction d2'],
    C: [],
    none: [],
  },
)

table(
  'a clean-up counts on a copy that is not ready where the ready one is on a disk that no node has',
  () => {
    const of = cluster()
      .node('n1', [disk('d1')])
      .node('n2', [disk('d3')])
      .image('ubuntu', [ready('d1'), copy('d3', 'unknown'), ready('d9')])
    return [of, of.cleanUp('ubuntu', ['d1'])]
  },
  {
    A: ['(unowned disks) keep d9', 'n1 removal d1', 'n2 keep d3'],
    B: ['(unowned disks) keep d9', 'n1 removal d1', 'n2 keep d3'],
    C: ['(unowned disks) keep d9', 'n2 keep d3'],
    none: [],
  },
)

table(
  'and so does an eviction',
  () => {
    const of = cluster()
      .node('n1', [disk('d1')])
      .node('n2', [disk('d3')])
      .image('ubuntu', [copy('d1', 'unknown'), copy('d3', 'unknown'), ready('d9')])
    return [of, of.toNode('n1', [disk('d1', evicting)])]
  },
  {
    A: ['(unowned disks) keep d9', 'n1 eviction any', 'n2 keep d3'],
    B: ['(unowned disks) keep d9', 'n1 eviction d1', 'n2 keep d3'],
    C: ['(unowned disks) keep d9', 'n1 eviction d1', 'n2 keep d3'],
    none: [],
  },
)
