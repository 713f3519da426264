import t, { type Test } from 'tap'
import type { ProofModules } from '../../../src/commands/doctor/prove-guard.ts'
import { carryOut } from '../../../src/commands/evict/carry-out.ts'
import { nextChange } from '../../../src/commands/evict/writes.ts'
import { guardSandbox } from '../../../src/commands/sandbox/guard-sandbox.ts'
import type { Settings } from '../../../src/configuration/settings.ts'
import { connectTo } from '../../../src/kubernetes/client/connection.ts'
import { LiveMap } from '../../../src/kubernetes/live-map.ts'
import { isFlagged } from '../../../src/longhorn/node.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { object } from '../../../src/sandbox/json.ts'
import { embeddedCluster } from '../../fixtures/embedded-cluster.ts'
import { untilHung } from '../../fixtures/limits.ts'
import { replicaPolicy } from '../doctor/facts.ts'
import { edit } from '../../fixtures/edit.ts'

const longhornNamespace = 'longhorn-system'
const signal = untilHung()
const webhooks = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}
const longhorn = { drainMs: 80, copyMs: 80, rebuildMs: 80, syncMs: 60, restartMs: 200 }

/** A cluster whose pods cannot be asked, like the embedded one. */
const mute: ProofModules['policies'] = { problem: 'ann may not list pods' }

/** An embedded cluster on a release that crashes, with a guard of these settings, and how node-2 is evicted there. */
async function cluster(t: Test, settings: Settings, policies = mute, release = 'v1.8.0') {
  const sandbox = await embeddedCluster(t, { release, images: 3, longhorn })
  const guard = await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, signal, {
    settle: '200ms',
    ...settings,
  })
  const connection = connectTo(sandbox.api.url)
  const live = await LiveMap.open(connection, longhornNamespace, signal)
  t.teardown(async () => {
    await live.stop()
    connection.close()
    await guard.stop()
  })
  const notes: string[] = []
  const evict = (unguarded = false, disk?: string) =>
    carryOut(
      { node: 'node-2', disk },
      { dryRun: false, unguarded, longhornNamespace },
      {
        connection,
        live,
        signal,
        note: (text: string) => void notes.push(text),
        policies,
        onStep: () => undefined,
      },
    )
  const isUntouched = (): boolean => {
    const node = live.map.node('node-2')
    return node !== undefined && node.spec.allowScheduling && !isFlagged(node)
  }
  /** Requests the eviction of one disk, as somebody else would. */
  const flag = async (disk: string) => {
    const named = { namespace: longhornNamespace, name: 'node-2' }
    await edit(sandbox.client, resources.Node, named, (stored) => {
      const spec = object(stored.spec)
      const disks = object(spec.disks)
      const evicting = { ...object(disks[disk]), allowScheduling: false, evictionRequested: true }
      return { ...stored, spec: { ...spec, disks: { ...disks, [disk]: evicting } } }
    })
    while (live.map.node('node-2')?.spec.disks.get(disk)?.evictionRequested !== true)
      await nextChange(live, signal)
  }
  return { sandbox, guard, live, evict, isUntouched, notes, flag }
}

t.test('an eviction does not begin where the guard only watches, and does with --unguarded', async (t) => {
  const { evict, isUntouched } = await cluster(t, { mode: 'warn' })
  await t.rejects(evict(), {
    name: 'CannotRun',
    message: /does not deny what it must deny: a dry run .* was admitted.*--unguarded/,
  })
  t.ok(isUntouched())
  t.match(await evict(true), { step: 'done' })
})

t.test('nor where a replica says that it would not hold the removal of a copy', async (t) => {
  const lax = replicaPolicy('two', { evictionCompletion: 'allow' })
  const { evict, isUntouched } = await cluster(t, {}, { seen: [replicaPolicy('one'), lax] })
  await t.rejects(evict(), { message: /would not hold back.*replica two has evictionCompletion: allow/ })
  t.ok(isUntouched())
})

t.test('nor with a narrowed registration, or without an answer', async (t) => {
  const { sandbox, guard, evict, isUntouched } = await cluster(t, {})
  const stored = await sandbox.client.get(webhooks, '', 'holdfast')
  if (!stored) throw new Error('there is no registration')
  const narrowed = [stored.webhooks].flat().map((webhook) => ({
    ...object(webhook),
    objectSelector: { matchLabels: { guarded: 'yes' } },
  }))
  const written = await sandbox.client.update(webhooks, { ...stored, webhooks: narrowed })
  await t.rejects(evict(), { message: /cannot be relied upon: .* has an objectSelector \(guarded\)/ })
  await sandbox.client.update(webhooks, { ...written, webhooks: stored.webhooks })
  await guard.stop()
  await t.rejects(evict(), { message: /does not judge: .*failed calling webhook/ })
  t.ok(isUntouched())
})

t.test('with the flag up a dry run proves the hold if replicas cannot be asked', async (t) => {
  const held = await cluster(t, { hold: '100ms' })
  t.match(await held.evict(), { step: 'done' }, held.notes.join('\n'))
  t.match(
    held.notes.join('\n'),
    'A dry run has to prove the guard, since its replicas could not be asked for their rules: ann may not list pods',
  )
  t.strictSame(held.sandbox.longhorn.crashes, [])

  const allowed = await cluster(t, { rules: { 'cleanup-during-eviction': 'warn' } })
  await t.rejects(allowed.evict(), {
    message: /not held by cleanup-during-eviction\. That flag is cleared again\./,
  })
  const node = allowed.live.map.node('node-2')
  t.equal(node && isFlagged(node), false)
})

for (const release of ['v1.8.0', 'v1.8.1']) {
  t.test(`the flag of another disk proves nothing of this one, and stays (${release})`, async (t) => {
    const lax = { rules: { 'cleanup-during-eviction': 'warn' } } as const
    const { live, evict, flag, notes } = await cluster(t, release === 'v1.8.0' ? lax : {}, mute, release)
    await flag('disk-2')
    const last = await evict(false, 'disk-1')
    t.match(last, { step: 'impossible', problems: [/requested on disk disk-2 too/] }, notes.join('\n'))
    const disks = live.map.node('node-2')?.spec.disks
    t.match(disks?.get('disk-1'), { allowScheduling: true, evictionRequested: false })
    t.match(disks?.get('disk-2'), { evictionRequested: true })
  })
}

t.test('a flag that is cleared again is reported with those that stay up', async (t) => {
  const { live, evict, flag } = await cluster(
    t,
    { rules: { 'cleanup-during-eviction': 'warn' } },
    mute,
    'v1.8.1',
  )
  await flag('disk-1')
  await flag('disk-2')
  await t.rejects(evict(false, 'disk-1'), {
    message:
      /while the flag of disk disk-1 of node node-2 is up.*That flag is cleared again; an eviction is still requested on disk disk-2\./,
  })
  t.match(live.map.node('node-2')?.spec.disks.get('disk-1'), { evictionRequested: false })
})

t.test('a node is emptied though the guard is configured for a release that is more dangerous', async (t) => {
  const longhornRelease = 'v1.8.0'
  const policies = { seen: [replicaPolicy('one', { release: longhornRelease })] }
  const { sandbox, evict, notes } = await cluster(t, { longhornRelease, hold: '100ms' }, policies, 'v1.10.0')
  t.match(await evict(), { step: 'done' }, notes.join('\n'))
  t.match(
    notes.join('\n'),
    'The guard is configured for Longhorn v1.8.0 (longhornRelease), which crashes if copies are removed while a flag is up, so the flag is cleared first.',
  )
  t.strictSame(sandbox.longhorn.crashes, [])
})
