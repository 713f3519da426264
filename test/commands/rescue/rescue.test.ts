import t from 'tap'
import type { RescueStep } from '../../../src/rules/rescue/next-step.ts'
import { adviceOn } from '../../../src/commands/rescue/attempt.ts'
import { webhookConfigurations } from '../../../src/sandbox/api-server/resources.ts'
import { resources } from '../../../src/sandbox/controllers/resources.ts'
import { comesTrue } from '../guarded-cluster.ts'
import { crashing } from './rescued-cluster.ts'

const releases = ['v1.7.3', 'v1.8.0', 'v1.8.1', 'v1.9.0']

for (const release of releases) {
  t.test(
    `a manager that crash-loops is rescued on ${release}, and the eviction goes on under a guard`,
    async (t) => {
      const { sandbox, rescue, guard, flagsOf, annotation } = await crashing(t, release)
      await guard()
      const { code, notes, steps } = await rescue()
      t.equal(code, 0, notes)
      t.match(notes, `Longhorn ${release} crashes the longhorn-manager of a node`)
      t.match(notes, 'The manager of 1 of 3 nodes is in danger.')
      t.match(
        notes,
        /node-1: the flag of disk-1 is up while Longhorn removes ubuntu-22\.04 from disk-1 \(for at least/,
      )
      t.match(
        notes,
        /node-1: its longhorn-manager \(pod longhorn-manager-node-1\) .*Its previous log shows this crash/,
      )
      t.equal(steps[0], 'clear')
      t.strictSame(steps.slice(-2), ['raise', 'done'], notes)
      t.strictSame(await flagsOf('node-1'), ['disk-1'])
      t.equal(await annotation(), undefined)
      t.ok(sandbox.longhorn.isLive('node-1'))
      const crashes = sandbox.longhorn.crashCount('node-1')
      const again = await rescue()
      t.match(again, { code: 0, notes: /No manager is in danger/, steps: [] })
      t.equal(sandbox.longhorn.crashCount('node-1'), crashes)
    },
  )

  t.test(`a rescue that is killed at each of its steps ends well on ${release}`, async (t) => {
    const { sandbox, rescue, guard, flagsOf, annotation } = await crashing(t, release)
    await guard()
    const killedAt = new Set<RescueStep['step']>()
    const isLast = (step: RescueStep['step']): boolean => killedAt.size < killedAt.add(step).size
    let last = await rescue({ isLast })
    while (last.killedAt !== undefined) {
      if (last.killedAt === 'wait-for-cleanup') {
        t.match(JSON.parse((await annotation()) ?? ''), {
          node: false,
          disks: ['disk-1'],
          by: 'sandbox-admin',
        })
        t.strictSame(await flagsOf('node-1'), [])
      }
      last = await rescue({ isLast })
    }
    t.equal(last.code, 0, last.notes)
    for (const step of ['clear', 'wait-for-cleanup', 'raise'] as const) t.ok(killedAt.has(step), step)
    t.strictSame(await flagsOf('node-1'), ['disk-1'])
    t.equal(await annotation(), undefined)
    await comesTrue(() => Promise.resolve(sandbox.longhorn.isLive('node-1')))
  })
}

t.test('without a guard the flags stay down and noted, and go up once there is one', async (t) => {
  const { rescue, guard, flagsOf, annotation } = await crashing(t, 'v1.8.0')
  const alone = await rescue()
  t.match(alone, { code: 3, notes: /The flags stay down: no guard is registered in this cluster/ })
  t.match(alone.notes, 'The flag of disk-1 stays down, and the node notes that')
  t.match(alone.notes, /No eviction meets .* any more\. Flags stay down and noted: node-1$/)
  t.strictSame(await flagsOf('node-1'), [])
  t.match(await annotation(), '"disks":["disk-1"]')
  await guard()
  const later = await rescue()
  t.match(later, { code: 0, notes: /node-1: a rescue by sandbox-admin took the flag of disk-1 down/ })
  t.strictSame(await flagsOf('node-1'), ['disk-1'])
  t.equal(await annotation(), undefined)
})

t.test('without a guard the flags go up again if that is wanted', async (t) => {
  const { sandbox, rescue, flagsOf, annotation } = await crashing(t, 'v1.8.0')
  const { code, notes, steps } = await rescue({ unguarded: true })
  t.equal(code, 0, notes)
  t.ok(steps.includes('raise'), notes)
  t.strictSame(await flagsOf('node-1'), ['disk-1'])
  t.equal(await annotation(), undefined)
  t.ok(sandbox.longhorn.isLive('node-1'))
})

t.test('the flags stay down for good if that is wanted', async (t) => {
  const { rescue, guard, flagsOf, annotation } = await crashing(t, 'v1.8.1')
  await guard()
  const { code, notes } = await rescue({ leaveCleared: true })
  t.equal(code, 0, notes)
  t.strictSame(await flagsOf('node-1'), [])
  t.equal(await annotation(), undefined)
  t.match(await rescue(), { notes: /No manager is in danger/, steps: [] })
})

t.test('a dry run prints the plan and writes nothing', async (t) => {
  const { sandbox, rescue, flagsOf, annotation } = await crashing(t, 'v1.9.0')
  const { code, notes, steps } = await rescue({ dryRun: true })
  t.equal(code, 0)
  t.match(notes, 'node-1: would take the flag of disk-1 down, and note that on the node')
  t.match(
    notes,
    /1\. take the flags down.*\n +2\. wait until no clean-up.*\n +3\. .*\n +4\. raise these flags again/,
  )
  t.match(notes, /Nothing was written: this is a dry run\.$/)
  t.strictSame(steps, ['clear'])
  t.strictSame(await flagsOf('node-1'), ['disk-1'])
  t.equal(await annotation(), undefined)
  const before = sandbox.longhorn.crashCount('node-1')
  await comesTrue(() => Promise.resolve(sandbox.longhorn.crashCount('node-1') > before))
})

t.test('a clean-up that does not end is named with what stops it, and the manager lives', async (t) => {
  const { sandbox, rescue, flagsOf, annotation } = await crashing(t, 'v1.8.0')
  const stuck =
    'ubuntu-22.04 from disk-1 (for at least 0s), and cannot while the backing image manager of disk-1 is unknown'
  const isEnough = (line: string): boolean => line.includes('backing image manager of disk-1 is unknown')
  const { notes } = await rescue({ isEnough, stuck: ['node-1'] })
  t.match(notes.replace(/at least \d+s/g, 'at least 0s'), `node-1: waiting for 1 clean-up to end: ${stuck}`)
  t.match(notes, /node-1: not finished: it was waiting for 1 clean-up to end: .*is unknown$/)
  t.strictSame(await flagsOf('node-1'), [])
  t.match(await annotation(), '"disks":["disk-1"]')
  t.ok(sandbox.longhorn.isLive('node-1'))
})

t.test('a node that is stuck keeps no other waiting', async (t) => {
  const { crash, rescue, flagsOf } = await crashing(t, 'v1.8.0')
  await crash('node-2', 'debian-12')
  const { notes } = await rescue({
    leaveCleared: true,
    stuck: ['node-1'],
    isEnough: (line) => line.startsWith('node-2: done: '),
  })
  t.match(notes, 'The managers of 2 of 3 nodes are in danger.')
  t.strictSame(await flagsOf('node-2'), [])
  t.match(notes, /node-1: not finished: it was waiting for 1 clean-up/)
  t.strictSame(await flagsOf('node-1'), [])
})

t.test('flags go down as soon as a manager answers Longhorn’s webhook again', async (t) => {
  const { sandbox, rescue, flagsOf } = await crashing(t, 'v1.8.0')
  const webhook = {
    name: 'validator.longhorn.io',
    // Nothing listens there, as on a node whose manager is down.
    clientConfig: { url: 'https://127.0.0.1:1/' },
    rules: [{ apiGroups: ['longhorn.io'], apiVersions: ['*'], operations: ['UPDATE'], resources: ['nodes'] }],
    failurePolicy: 'Fail',
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  }
  const name = 'longhorn-webhook-validator'
  await sandbox.client.create(webhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [webhook],
  })
  const { code, notes } = await rescue({
    isEnough: (line) => {
      if (line.includes('Longhorn’s managers serve this webhook'))
        void sandbox.client.delete(webhookConfigurations, '', name)
      return false
    },
  })
  t.equal(code, 3, notes)
  t.match(notes, /failed calling webhook "validator\.longhorn\.io".*\n.*tried again every second/)
  t.match(
    notes,
    'kubectl delete validatingwebhookconfigurations.admissionregistration.k8s.io longhorn-webhook-validator',
  )
  t.strictSame(await flagsOf('node-1'), [])
})

t.test(
  'a node that is not in danger is left alone, and one in danger that was not named is reported',
  async (t) => {
    const { rescue, flagsOf } = await crashing(t, 'v1.8.0')
    const { code, notes, steps } = await rescue({ nodes: ['node-2'] })
    t.equal(code, 0)
    t.strictSame(steps, ['done'])
    t.match(notes, 'node-2: done: no eviction meets a clean-up, and its longhorn-manager is ready')
    t.notMatch(notes, 'Rescued')
    t.match(notes, 'node-1: the flag of disk-1 is up while Longhorn removes')
    t.strictSame(await flagsOf('node-1'), ['disk-1'])
  },
)

t.test('a node that does not exist is reported, with the existing ones', async (t) => {
  const { rescue } = await crashing(t, 'v1.8.0')
  await t.rejects(rescue({ nodes: ['node-9'] }), { message: /no Longhorn node node-9\. There are: node-1/ })
})

t.test('rescue prints the way out if Longhorn’s own webhook denies that flags go down', (t) => {
  const denied = 'admission webhook "validator.longhorn.io" denied the request: disks are being syncing'
  t.match(
    adviceOn(denied),
    /If Longhorn’s webhook goes on denying it, take the webhooks away; .*kubectl delete/,
  )
  t.notMatch(adviceOn('the server is busy'), 'take the webhooks away')
  t.end()
})

t.test('a rescue of a node that is deleted in the middle ends', async (t) => {
  const { sandbox, rescue } = await crashing(t, 'v1.8.0')
  const { notes } = await rescue({
    isEnough: (line) => {
      if (line.startsWith('node-1: taking the flag'))
        void sandbox.client.delete(resources.Node, 'longhorn-system', 'node-1')
      return line.includes('the node is deleted')
    },
  })
  t.match(notes, 'node-1: the node is deleted, and its flags with it')
})
