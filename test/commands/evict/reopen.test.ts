import t, { type Test } from 'tap'
import { reopen } from '../../../src/commands/evict/reopen.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { LiveMap } from '../../../src/kubernetes/live-map.ts'
import type { BackingImage } from '../../../src/longhorn/backing-image.ts'
import { isFlagged } from '../../../src/longhorn/node.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { without } from '../../advice/following.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { comesTrue, guarded, namespace } from '../guarded-cluster.ts'

/**
 * A cluster where an eviction of node-2 was begun and left. Its flag is up, and its copies are marked. They stay so, since
 * they are the only ones and no other becomes ready.
 */
async function abandoned(t: Test, release: string) {
  const { sandbox, ask, holdfast } = await guarded(t, { release, images: 2, times: { copyMs: 600_000 } })
  const connection = connectTo(sandbox.api.url)
  const signal = untilHung()
  const live = await LiveMap.open(connection, namespace, signal)
  t.teardown(async () => {
    await live.stop()
    connection.close()
  })
  const marks = (): string[] => {
    const found = live.map.node('node-2')
    const uuids = [...(found?.status.diskStatus.values() ?? [])].flatMap(({ diskUUID }) => diskUUID ?? [])
    return [...live.map.images()].flatMap(({ metadata, spec }) =>
      uuids.filter((uuid) => spec.diskFileSpecMap.get(uuid)?.evictionRequested).map(() => metadata.name),
    )
  }
  const here = sandbox.cluster.uuidOf('node-2/disk-1')
  for (const { metadata, spec } of live.map.images()) {
    const others = [...spec.diskFileSpecMap.keys()].filter((uuid) => uuid !== here)
    for (const uuid of others) {
      const removed = await ask('PATCH', `backingimages/${metadata.name}`, without(uuid))
      if (!removed.ok) throw new Error(removed.text)
    }
  }
  const isOnly = ({ spec, status }: BackingImage): boolean =>
    [...spec.diskFileSpecMap.keys(), ...status.diskFileStatusMap.keys()].every((uuid) => uuid === here)
  await comesTrue(() => Promise.resolve([...live.map.images()].every(isOnly)))
  const spec = { allowScheduling: false, evictionRequested: true }
  const answer = await ask('PATCH', 'nodes/node-2', { spec })
  if (!answer.ok) throw new Error(answer.text)
  await comesTrue(() => Promise.resolve(marks().length === 2))
  const notes: string[] = []
  const modules = {
    connection,
    live,
    longhornNamespace: namespace,
    clock: systemClock,
    signal,
    settleMs: 300,
  }
  const again = (dryRun = false) =>
    reopen(
      { node: 'node-2', disk: undefined },
      { ...modules, dryRun, note: (text: string) => void notes.push(text) },
    )
  const node = () => live.map.node('node-2')
  const copies = () => [...live.map.images()].filter(({ spec }) => spec.diskFileSpecMap.has(here)).length
  return { sandbox, holdfast, node, marks, copies, notes, again }
}

for (const release of ['v1.8.0', 'v1.10.0']) {
  t.test(`an eviction that was left is taken back on ${release}, with its marks`, async (t) => {
    const { sandbox, node, marks, copies, notes, again } = await abandoned(t, release)
    t.equal(await again(true), true)
    t.equal(node()?.spec.allowScheduling, false, 'a dry run writes nothing')
    t.equal(await again(), true, notes.join('\n'))
    t.equal(node()?.spec.allowScheduling, true)
    const found = node()
    t.equal(found && isFlagged(found), false)
    t.strictSame(marks(), [])
    t.equal(copies(), 2, 'all copies stay')
    const answer = notes.join('\n')
    t.match(answer, 'node node-2: would clear the flag of the node, would open it for scheduling')
    t.match(answer, 'node node-2: clearing the flag of the node, opening it for scheduling')
    t.match(answer, /clearing the marks by which Longhorn would still move copies away: \S+ on disk-1/)
    t.match(answer, 'may mark copies again')
    t.match(answer, /node node-2: back in service$/)
    const before = node()?.metadata.resourceVersion
    t.equal(await again(), true)
    t.match(notes.at(-1), 'node node-2: in service already, with nothing to clear')
    t.equal(node()?.metadata.resourceVersion, before, 'and nothing is written')
    t.strictSame(sandbox.longhorn.crashes, [])
  })
}

t.test('the command says what stays closed, and opens a disk by its name', async (t) => {
  const { holdfast } = await guarded(t, { release: 'v1.8.0' })
  t.match(await holdfast('evict', 'node-2', '--disk', 'disk-1', '--unguarded'), {
    code: 0,
    stderr:
      /Closed for scheduling: disk disk-1 of node-2\. To put back in service: holdfast reopen node-2 --disk disk-1/,
  })
  t.match((await holdfast('status')).stdout, /^node-2 +- +closed: disk-1 /m)
  const node = await holdfast('reopen', 'node-2')
  t.match(node, {
    code: 0,
    stderr: /disk disk-1 of node node-2 stays closed .*: holdfast reopen node-2 --disk disk-1/,
  })
  t.match(await holdfast('reopen', 'node-2', '--disk', 'disk-1'), { code: 0, stderr: /back in service/ })
  t.match((await holdfast('status')).stdout, /^node-2 +- +open /m)
  t.match(await holdfast('reopen', 'nod-2'), {
    code: 2,
    stderr: /There is no Longhorn node nod-2\. There are: node-/,
  })
  t.match(await holdfast('reopen', 'node-2', '--disk', 'disk-9'), { code: 2, stderr: /has no disk disk-9/ })
  t.match(await holdfast('reopen', 'node-1', 'node-2', '--disk', 'disk-1'), {
    code: 2,
    stderr: /about one node/,
  })
  t.match(await holdfast('reopen', 'node-1', 'node-3', '--dry-run'), {
    code: 0,
    stderr: /Nothing was written/,
  })
})

t.test('a disk is not reopened while its whole node is evicted', async (t) => {
  const { holdfast } = await abandoned(t, 'v1.10.0')
  t.match(await holdfast('reopen', 'node-2', '--disk', 'disk-1'), {
    code: 1,
    stderr: /an eviction is requested on the whole node node-2: reopen that \(without --disk\)/,
  })
})

t.test('a node that is cordoned stays closed for Longhorn until it is uncordoned', async (t) => {
  const { sandbox, ask, holdfast } = await guarded(t, { release: 'v1.10.0' })
  // Longhorn writes the condition, so its managers stand still here.
  await sandbox.longhorn.stop()
  const close = await ask('PATCH', 'nodes/node-3', { spec: { allowScheduling: false } })
  t.ok(close.ok, close.text)
  const cordon = async (status: 'True' | 'False'): Promise<void> => {
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'Schedulable', status, reason: status === 'False' ? 'KubernetesNodeCordoned' : '' },
    ]
    const answer = await ask('PATCH', 'nodes/node-3/status', { status: { conditions } })
    if (!answer.ok) throw new Error(answer.text)
  }
  await cordon('False')
  const cordoned = await holdfast('reopen', 'node-3')
  t.match(cordoned, {
    code: 0,
    stderr: /node node-3: back in service\nLonghorn places nothing on node node-3 yet/,
  })
  t.match(cordoned.stderr, /To end that: kubectl uncordon node-3\n$/)
  await cordon('True')
  const uncordoned = await holdfast('reopen', 'node-3')
  t.match(uncordoned, { code: 0, stderr: /in service already/ })
  t.notMatch(uncordoned.stderr, 'kubectl uncordon')
})
