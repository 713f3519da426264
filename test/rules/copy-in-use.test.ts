import t from 'tap'
import { profiles } from '../../src/longhorn/releases.ts'
import { cluster, longhornAccount, releases, withMode } from '../fixtures/cluster.ts'
import { disk, ready, uuid } from '../fixtures/raw-objects.ts'

const rule = 'copy-in-use'

const used = (release = 'v1.8.0') =>
  cluster(release)
    .node('n1', [disk('d1')])
    .node('n2', [disk('d3')])
    .image('ubuntu', [ready('d1'), ready('d3'), ready('d9')])
    .image('debian', [ready('d1'), ready('d3')])
    .replica('pvc-1', 'ubuntu', 'd1')

t.test('a copy that a replica on the same disk uses is never removed, on any profile', (t) => {
  for (const profile of profiles) {
    const before = used(releases[profile])
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1'])), ['refuse'], profile)
    const byLonghorn = before.cleanUp('ubuntu', ['d1'], { actor: longhornAccount })
    t.strictSame(before.effects(rule, byLonghorn), ['refuse'], `by Longhorn on ${profile}`)
    t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d3'])), [], 'another disk')
    t.strictSame(before.effects(rule, before.cleanUp('debian', ['d1'])), [], 'another image')
  }
  t.end()
})

t.test('some replicas are named and the rest counted', (t) => {
  const before = used()
  t.match(before.judge(before.cleanUp('ubuntu', ['d1']))[0], {
    rule,
    subjects: [{ node: 'n1', disk: 'd1', diskUUID: uuid('d1'), image: 'ubuntu' }],
    doing: 'removing the copy of ubuntu on d1 of n1',
    found: 'replica pvc-1 on the same disk uses it',
    next: 'Move or delete the replica first.',
    look: ['kubectl -n longhorn-system get replicas.longhorn.io pvc-1'],
  })
  for (const name of ['pvc-4', 'pvc-2', 'pvc-5', 'pvc-3']) before.replica(name, 'ubuntu', 'd1')
  t.match(
    before.judge(before.cleanUp('ubuntu', ['d1']))[0]?.found,
    /^replica pvc-1, pvc-2, pvc-3 and 2 more on/,
  )
  const unowned = used().replica('pvc-9', 'ubuntu', 'd9')
  t.match(unowned.judge(unowned.cleanUp('ubuntu', ['d9']))[0]?.doing, /disk uuid-d9 \(which no node has\)/)
  t.end()
})

t.test('a replica on a node that Kubernetes has let go of uses nothing', (t) => {
  const gone = { notReady: { reason: 'KubernetesNodeGone' } }
  const since = '2026-01-01T00:00:00Z'
  const down = { notReady: { reason: 'ManagerPodMissing', since } }
  const broken = { notReady: { reason: 'DiskFilesystemChanged', since } }
  const spread = () =>
    cluster('v1.9.2')
      .node('n2', [disk('d2')])
      .image('ubuntu', [ready('d1'), ready('d2')])
  const table: [what: string, of: ReturnType<typeof spread>, expected: string[]][] = [
    [
      'its node is gone',
      spread()
        .node('n1', [disk('d1')], gone)
        .replica('pvc-1', 'ubuntu', 'd1', 'n1'),
      ['warn'],
    ],
    ['and the Longhorn node too', spread().replica('pvc-1', 'ubuntu', 'd1', 'n1'), ['warn']],
    ['nobody says where it is', spread().replica('pvc-1', 'ubuntu', 'd1'), ['refuse']],
    [
      'only its manager is down: it may run all the same',
      spread()
        .node('n1', [disk('d1')], down)
        .replica('pvc-1', 'ubuntu', 'd1', 'n1'),
      ['refuse'],
    ],
    [
      'its disk is not ready',
      spread()
        .node('n1', [disk('d1', broken)])
        .replica('pvc-1', 'ubuntu', 'd1', 'n1'),
      ['refuse'],
    ],
    [
      'its node came back with another disk',
      spread()
        .node('n1', [disk('d7')])
        .replica('pvc-1', 'ubuntu', 'd1', 'n1'),
      ['refuse'],
    ],
    [
      'another node has its disk now',
      spread()
        .node('n1', [disk('d1')], gone)
        .node('n3', [disk('d1')])
        .replica('pvc-1', 'ubuntu', 'd1', 'n1'),
      ['refuse'],
    ],
    [
      'one of two is gone',
      spread()
        .node('n1', [disk('d1')], gone)
        .node('n3', [disk('d3')])
        .replica('pvc-1', 'ubuntu', 'd1', 'n1')
        .replica('pvc-2', 'ubuntu', 'd1', 'n3'),
      ['refuse'],
    ],
  ]
  for (const [what, of, expected] of table)
    t.strictSame(of.effects(rule, of.cleanUp('ubuntu', ['d1'])), expected, what)
  const [, dead] = table[0] ?? []
  if (!dead) throw new Error('there is a first')
  t.match(dead.judge(dead.cleanUp('ubuntu', ['d1'])), [
    {
      rule,
      found: 'replica pvc-1 uses it, and runs nowhere',
      why: 'Kubernetes has let go of the node of the replica.',
      next: 'If the node comes back, Longhorn copies the image there again.',
      look: [/replicas\.longhorn\.io pvc-1$/],
    },
  ])
  t.end()
})

t.test('the advice about a replica depends on whether its disk works', (t) => {
  const next = (of: ReturnType<typeof used>) =>
    of.judge(of.cleanUp('ubuntu', ['d1'])).find((finding) => finding.rule === rule)?.next
  t.match(next(used()), /^Move or delete the replica first/)
  const down = used().node('n1', [disk('d1')], { notReady: { reason: 'ManagerPodDown' } })
  const left = /kubectl -n longhorn-system delete replicas.longhorn.io pvc-1$/
  t.match(next(down), /^Bring the disk back\. If it is gone for good, delete what is left of the replica/)
  t.match(next(down), left)
  t.match(next(used().node('n1', [disk('d7')])), left)
  t.end()
})

t.test('modes', (t) => {
  const before = used()
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'off')), [])
  t.end()
})
