import t from 'tap'
import { observe, type Observed } from '../../../src/commands/status/observe.ts'
import { tables } from '../../../src/commands/status/tables.ts'
import { coloursFor } from '../../../src/commands/terminal.ts'
import { cluster, noon } from '../../fixtures/cluster.ts'
import { copy, disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { reservation } from '../../gate/reservation-book-contract.ts'
import { quietReplica } from './look.ts'

const world = cluster('v1.8.0')
  .node('n1', [disk('d1'), disk('d2', { evictionRequested: true })], { evictionRequested: true })
  .node('n2', [disk('d3')])
  .manager('d1', 'unknown')
  .image('ubuntu', [pending('d1', 'unknown'), ready('d3')])
  .image('lost', [pending('gone')])

interface Options extends Partial<Observed> {
  readonly wide?: boolean
  readonly isTTY?: boolean
  readonly headers?: boolean
}

function text(options: Options = {}): string {
  const { wide = false, isTTY = false, headers = true, ...observed } = options
  const now = noon + 200_000
  const status = observe({
    map: world.map,
    entries: [],
    guard: undefined,
    now,
    timeOfDay: now,
    watchingSince: undefined,
    only: new Set(),
    ...observed,
  })
  const server = 'https://lab:6443'
  return tables(status, { colours: coloursFor({ isTTY }, {}), wide, headers, server })
}

t.test('a node that settles shows how long it still takes', (t) => {
  const guard = [{ ...quietReplica, settling: [{ node: 'n2', until: noon + 208_000 }] }]
  t.match(text({ guard }), /^n2 .* settling \(8s\)$/m)
  t.end()
})

t.test('the tables show nodes, and clean-ups if there are any', (t) => {
  t.equal(
    text(),
    `Cluster:  https://lab:6443, seen at 2026-01-01T12:03:20Z
Longhorn: v1.8.0 crashes if an eviction meets a clean-up on any disk of the node (profile A)
Guard:    unknown: no replica was asked

NODE   FLAGS       SCHEDULING   DISKS   COPIES   PENDING           RESERVED   STATE
n1     (node),d2   open         2       0        1 (age unknown)   -          danger
n2     -           open         1       1        -                 -          ok

IMAGE    NODE   DISK        STATE     AGE       MANAGER
lost     -      uuid-gone   ready     unknown   -
ubuntu   n1     d1          unknown   unknown   unknown
`,
  )
  t.end()
})

t.test('the heading says by which release the guard judges, where that is not the running one', (t) => {
  const guard = (...releases: (string | null)[]) =>
    releases.map((release, at) => ({ ...quietReplica, replica: `r${at}`, release }))
  const same = text({ guard: guard(null, null) })
  t.equal(text({ guard: guard('v1.8.0', 'v1.8.0') }), same)
  t.equal(text({ guard: guard('1.8.0', '1.8.0') }), same, 'with or without a v')
  const other = text({ guard: guard('v1.10.0', 'v1.10.0') })
  t.match(
    other,
    /^Longhorn: v1\.8\.0, but the guard is configured for another release \(longhornRelease\):\n {10}v1\.10\.0 .* \(profile C\)\nGuard: /m,
  )
  t.match(other, /^n1 .* flagged$/m, 'and states are those that the guard goes by')
  const mixed = text({ guard: guard('v1.10.0', null) })
  t.match(mixed, /^Longhorn: v1\.8\.0 crashes .*\nGuard: .* configured for different releases of Longhorn$/m)
  t.match(mixed, /^r0 .* v1\.10\.0 .*\nr1 .* running release /m)
  t.end()
})

t.test('scheduling is closed if the node or its disks take nothing new', (t) => {
  const closed = { allowScheduling: false }
  const { map } = cluster('v1.8.0')
    .node('n1', [disk('d1')], closed)
    .node('n2', [disk('d2', closed), disk('d3'), disk('d4', closed)])
  const shown = text({ map })
  t.match(shown, /^n1 +- +closed +1 .* ok$/m)
  t.match(shown, /^n2 +- +closed: d2,d4 +3 .* ok$/m)
  t.end()
})

t.test('a watch shows ages, and marks those that may be longer', (t) => {
  t.match(text({ watchingSince: noon }), /1 \(at least 3m20s\)[^]*ubuntu .* at least 3m20s {3}unknown\n/)
  t.match(text({ watchingSince: noon - 1 }), /1 \(3m20s\)[^]*ubuntu .* {3}3m20s {3}unknown\n/)
  t.end()
})

t.test('reservations are counted, and shown one by one on wide screens', (t) => {
  const reservations = [reservation('a'), reservation('b'), { ...reservation('c'), intent: 'keep' as const }]
  const entries = [{ key: 'n2', version: '1', reservations }]
  t.match(text({ entries }), /n2 .* 2 clean-ups, 1 copy to keep {3}ok/)
  t.match(text({ entries: undefined }), /n2 .* unknown {4}ok/)
  const wide = text({ entries, wide: true })
  t.match(
    wide,
    /NODE +DISK +UUID +FLAGS +COPIES +MANAGER\nn1 +d1 +uuid-d1 +node +1 pending cleanup +unknown\n/,
  )
  t.match(wide, /n1 +d2 +uuid-d2 +node,disk +- +-\nn2 +d3 +uuid-d3 +- +1 present +-\n/)
  t.match(
    wide,
    /clean-up +n2 +BackingImage ubuntu-22.04 +54982ab1-\S+ +2026-11-23T12:01:10.123Z +holdfast-0\n/,
  )
  t.end()
})

t.test('a reservation is called what its change does', (t) => {
  const cases = [
    [{ kind: 'BackingImage', intent: 'removal' }, 'clean-up'],
    [{ kind: 'Node', intent: 'removal' }, 'disk removal'],
    [{ kind: 'Node', intent: 'eviction', disks: 'any' }, 'eviction'],
    [{ kind: 'Node', intent: 'eviction' }, 'eviction or disk removal'],
    [{ kind: 'BackingImageDataSource', intent: 'placement' }, 'first file'],
    [{ kind: 'Node', intent: 'keep' }, 'copy to keep'],
    [{ kind: 'Node', intent: 'write' }, 'write'],
  ] as const
  for (const [fields, words] of cases) {
    const entries = [{ key: 'n2', version: '1', reservations: [{ ...reservation('a'), ...fields }] }]
    t.match(text({ entries, wide: true }), new RegExp(`^${words} +n2 +${fields.kind} `, 'm'), words)
    t.match(text({ entries }), new RegExp(`^n2 .* 1 ${words} +ok$`, 'm'), words)
  }
  const two = ['a', 'b'].map((name) => ({ ...reservation(name), kind: 'Node' as const }))
  t.match(text({ entries: [{ key: 'n2', version: '1', reservations: two }] }), /2 disk removals +ok/)
  t.end()
})

t.test('images that are nowhere and disks with one UUID have separate tables', (t) => {
  const lost = cluster('v1.10.0')
    .node('n1', [disk('d1'), disk('d3')])
    .node('n2', [disk('d1')], { notReady: { reason: 'KubernetesNodeGone' } })
    .node('n3', [disk('d4')], { notReady: { reason: 'KubernetesNodeGone' } })
    .image('base', [copy('d9', 'unknown'), copy('d4', 'unknown')], { sourceType: 'upload' })
  t.equal(
    text({ map: lost.map }).replace(/^.*\n.*\n.*\n\n/, ''),
    `NODE   FLAGS   SCHEDULING   DISKS   COPIES   PENDING   RESERVED   STATE
n2     -       open         1       0        -         -          down
n3     -       open         1       1        -         -          down
n1     -       open         2       0        -         -          ok

IMAGE NOWHERE   SOURCE   LOOKED FOR ON
base            upload   uuid-d9 (no node has it), d4 of n3 (Kubernetes has no node n3 any more (KubernetesNodeGone))

ONE UUID ON SEVERAL NODES   DISKS
uuid-d1                     d1 of n1, d1 of n2
`,
  )
  t.end()
})

t.test('states have colours on a terminal', (t) => {
  t.match(text({ isTTY: true }), '\u001b[31mdanger\u001b[39m')
  t.match(text({ isTTY: true }), '\u001b[32mok\u001b[39m')
  t.end()
})

t.test('a cluster without nodes is reported in words', (t) => {
  const { map } = cluster('v1.8.0')
  t.match(text({ map }), 'There is no Longhorn node.\n')
  t.end()
})

t.test('an unknown release is reported, with the assumption', (t) => {
  const of = (release?: string) => text({ map: cluster(release).node('n1', [disk('d1')]).map })
  t.match(
    of('latest\u009b'),
    /^Longhorn: says "latest" of its release, so the worst is assumed \(profile A\)\.$/m,
  )
  t.match(of(), /^Longhorn: says nothing of its release/m)
  t.match(
    of('v1.13.0'),
    /^Longhorn: v1\.13\.0 is newer than this version of Holdfast knows, so it is judged as v1\.12 \(profile C\)\.$/m,
  )
  t.notMatch(of('v1.10.0'), 'assumed')
  t.end()
})
