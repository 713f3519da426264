import t, { type Test } from 'tap'
import { carryOut } from '../../../src/commands/evict/carry-out.ts'
import type { EvictionStep } from '../../../src/commands/evict/next-step.ts'
import { StepReport } from '../../../src/commands/evict/step-report.ts'
import type { Target } from '../../../src/commands/evict/remains.ts'
import { nextChange } from '../../../src/commands/evict/writes.ts'
import { guardSandbox } from '../../../src/commands/sandbox/guard-sandbox.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { LiveMap } from '../../../src/kubernetes/live-map.ts'
import { isFlagged } from '../../../src/longhorn/node.ts'
import { readImage, readReplica } from '../../../src/sandbox/controllers/objects.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { object } from '../../../src/sandbox/json.ts'
import { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { monotonicMs } from '../../../src/time/clock.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { replicaPolicy } from '../doctor/facts.ts'
import { edit } from '../../fixtures/edit.ts'

const namespace = 'longhorn-system'
/** The report of replicas that enforce everything. */
const policies = { seen: [replicaPolicy('one')] }
const forEver = new AbortController().signal

/** An embedded cluster with a guard, and its disk map as an operator sees it. */
async function cluster(t: Test, release: string, guarded = true) {
  const sandbox = await Sandbox.start({
    port: 0,
    release,
    nodes: 3,
    images: 3,
    longhorn: { drainMs: 80, copyMs: 80, rebuildMs: 80, syncMs: 60, restartMs: 200 },
    report: () => undefined,
  })
  const guard = guarded
    ? await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, forEver, { settle: '200ms' })
    : undefined
  const connection = connectTo(sandbox.api.url)
  const live = await LiveMap.open(connection, namespace, forEver)
  t.teardown(async () => {
    await live.stop()
    connection.close()
    await guard?.stop()
    await sandbox.stop()
  })
  const notes: string[] = []
  /** Evicts node-2 until a step is told that is to be its last, or to the end. */
  const evict = async (
    isLast: (step: EvictionStep['step']) => boolean = () => false,
    disk?: string,
    node = 'node-2',
  ): Promise<EvictionStep | undefined> => {
    const ending = new AbortController()
    const signal = AbortSignal.any([ending.signal, untilHung()])
    const note = (text: string): void => {
      notes.push(text)
      const step = steps.find(([, words]) => text.includes(words))?.[0]
      if (step !== undefined && isLast(step)) ending.abort(new Error('killed'))
    }
    const flags = { dryRun: false, unguarded: false, longhornNamespace: namespace }
    try {
      const report = new StepReport(live.map, monotonicMs, note)
      const show = (target: Target, next: EvictionStep) => void report.see(target, next)
      return await carryOut({ node, disk }, flags, { connection, live, signal, note, policies, onStep: show })
    } catch (error) {
      if (ending.signal.aborted) return undefined
      throw error
    }
  }
  const left = (): string[] =>
    [...(live.map.node('node-2')?.status.diskStatus.values() ?? [])].flatMap(({ diskUUID = '' }) => [
      ...live.map.replicasOn(diskUUID),
      ...[...live.map.imagesOn(diskUUID)].map(({ metadata }) => metadata.name),
    ])
  return { sandbox, live, evict, left, notes, lost: lostUnderReplicas(sandbox) }
}

/** Replicas whose copy went away under them, as they happen. */
function lostUnderReplicas(sandbox: Sandbox): string[] {
  const lost: string[] = []
  const replicas = new Map<string, ReturnType<typeof readReplica>>()
  sandbox.api.subscribe(resources.Replica, ({ type, object }) => {
    if (type === 'DELETED') replicas.delete(object.metadata.name)
    else replicas.set(object.metadata.name, readReplica(object))
  })
  sandbox.api.subscribe(resources.BackingImage, ({ object }) => {
    const { name, files } = readImage(object)
    for (const replica of replicas.values()) {
      const needs = replica.backingImage === name && replica.healthy
      if (needs && !files.has(replica.diskID)) lost.push(replica.name)
    }
  })
  return lost
}

const steps: readonly (readonly [EvictionStep['step'], string])[] = [
  ['raise', 'requesting the eviction'],
  ['wait-for-replicas', 'to move'],
  ['wait-for-copies', 'for a ready copy elsewhere'],
  ['lower', 'so that the copies are removed without one'],
  ['wait-for-removal', 'to remove the copies'],
]

for (const release of ['v1.7.3', 'v1.8.1', 'v1.10.0']) {
  t.test(
    `a node is emptied on ${release} without a crash and without a replica that loses its copy`,
    async (t) => {
      const { sandbox, live, evict, left, notes, lost } = await cluster(t, release)
      t.ok(left().length >= 3, 'two copies and a replica')
      t.match(await evict(), { step: 'done' }, notes.join('\n'))
      t.strictSame(left(), [])
      t.strictSame(sandbox.longhorn.crashes, [])
      t.strictSame(lost, [])
      const crashing = release !== 'v1.10.0'
      t.match(live.map.node('node-2')?.spec, { allowScheduling: false, evictionRequested: !crashing })
      t.match(await evict(), { step: 'done' }, 'and again')
    },
  )

  t.test(`on ${release} it is killed at each of its steps, and taken up again`, async (t) => {
    const { sandbox, evict, left, notes, lost } = await cluster(t, release)
    const killedAt = new Set<EvictionStep['step']>()
    const isNew = (step: EvictionStep['step']): boolean => killedAt.size < killedAt.add(step).size
    let last: EvictionStep | undefined
    while (!last) last = await evict(isNew)
    t.match(last, { step: 'done' }, notes.join('\n'))
    const common = ['raise', 'wait-for-replicas', 'wait-for-removal'] as const
    for (const step of release === 'v1.10.0' ? common : ([...common, 'lower'] as const))
      t.ok(killedAt.has(step), step)
    t.strictSame(left(), [])
    t.strictSame(sandbox.longhorn.crashes, [])
    t.strictSame(lost, [])
  })
}

t.test('an image with copies only on two disks of the node is moved too', async (t) => {
  for (const release of ['v1.7.3', 'v1.8.1', 'v1.10.0']) {
    const { sandbox, live, evict, left, notes } = await cluster(t, release)
    const name = 'debian-12'
    const uuidOf = sandbox.cluster.uuidOf
    const change = async (files: Record<string, null | { evictionRequested: boolean }>) => {
      await edit(sandbox.client, resources.BackingImage, { namespace, name }, (stored) => ({
        ...stored,
        spec: { ...object(stored.spec), diskFileSpecMap: files },
      }))
    }
    const [one, two] = [uuidOf('node-2/disk-1'), uuidOf('node-2/disk-2')]
    const kept = { evictionRequested: false }
    await change({ [uuidOf('node-3/disk-1')]: kept, [one]: kept, [two]: kept })
    const states = () => live.map.copiesOf(name).map(({ phase, state }) => `${phase} ${state}`)
    while (states().join() !== 'present ready,present ready,present ready')
      await nextChange(live, untilHung())
    await change({ [one]: kept, [two]: kept })
    while (states().join() !== 'present ready,present ready') await nextChange(live, untilHung())
    t.match(await evict(), { step: 'done' }, `${release}: ${notes.join('\n')}`)
    t.strictSame(left(), [])
    t.strictSame(states(), ['present ready'])
    t.strictSame(sandbox.longhorn.crashes, [])
  }
})

t.test('two nodes with all copies of an image are emptied at the same time', async (t) => {
  for (const release of ['v1.7.3', 'v1.8.1']) {
    const { sandbox, live, evict, left, notes, lost } = await cluster(t, release)
    const done = await Promise.all([evict(), evict(undefined, undefined, 'node-1')])
    t.match(done, [{ step: 'done' }, { step: 'done' }], `${release}: ${notes.join('\n')}`)
    t.strictSame(left(), [])
    for (const image of ['ubuntu-22.04', 'debian-12', 'fedora-41']) {
      const owners = live.map.copiesOf(image).map(({ diskUUID }) => live.map.ownersOf(diskUUID)[0]?.node)
      t.strictSame(owners, ['node-3'], image)
    }
    t.strictSame(sandbox.longhorn.crashes, [])
    t.strictSame(lost, [])
  }
})

t.test('a node is emptied of which a single disk was being evicted, and all its flags go down', async (t) => {
  const { sandbox, live, evict, left, notes } = await cluster(t, 'v1.8.0')
  await edit(sandbox.client, resources.Node, { namespace, name: 'node-2' }, (stored) => {
    const spec = object(stored.spec)
    const disks = object(spec.disks)
    const evicting = { ...object(disks['disk-1']), allowScheduling: false, evictionRequested: true }
    return { ...stored, spec: { ...spec, disks: { ...disks, 'disk-1': evicting } } }
  })
  t.match(await evict(), { step: 'done' }, notes.join('\n'))
  t.strictSame(left(), [])
  const node = live.map.node('node-2')
  t.equal(node && isFlagged(node), false)
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('one disk is emptied, and the other stays as it is', async (t) => {
  const { live, evict, left } = await cluster(t, 'v1.8.1')
  t.match(await evict(() => false, 'disk-1'), { step: 'done' })
  t.strictSame(left(), [])
  t.match(live.map.node('node-2')?.spec.allowScheduling, true)
  t.match(live.map.node('node-2')?.spec.disks.get('disk-2'), {
    allowScheduling: true,
    evictionRequested: false,
  })
})

t.test('without a guard it does not begin on a release that crashes', async (t) => {
  const { evict, live } = await cluster(t, 'v1.8.0', false)
  await t.rejects(evict(), { message: /^no guard is registered in this cluster/ })
  t.equal(live.map.node('node-2')?.spec.allowScheduling, true)
})
