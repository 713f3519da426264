import t from 'tap'
import { profiles } from '../../src/longhorn/profile.ts'
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

t.test('the copy that a replica on the same disk uses is never removed, by nobody on no profile', (t) => {
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
    message:
      /^the copy of backing image ubuntu on disk d1 \(uuid-d1\) of node n1 is used on the same disk by replica pvc-1, which/,
    clears:
      /^move or delete the replica first; look: kubectl -n longhorn-system get replicas.longhorn.io pvc-1$/,
  })
  for (const name of ['pvc-4', 'pvc-2', 'pvc-5', 'pvc-3']) before.replica(name, 'ubuntu', 'd1')
  t.match(
    before.judge(before.cleanUp('ubuntu', ['d1']))[0]?.message,
    /by replica pvc-1, pvc-2, pvc-3 and 2 more,/,
  )
  const unowned = used().replica('pvc-9', 'ubuntu', 'd9')
  t.match(unowned.judge(unowned.cleanUp('ubuntu', ['d9']))[0]?.message, /disk uuid-d9 \(which no node has\)/)
  t.end()
})

t.test('modes', (t) => {
  const before = used()
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'warn')), ['warn'])
  t.strictSame(before.effects(rule, before.cleanUp('ubuntu', ['d1']), withMode(rule, 'off')), [])
  t.end()
})
