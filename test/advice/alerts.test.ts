import { readFileSync } from 'node:fs'
import t from 'tap'
import { rescueAnnotation } from '../../src/longhorn/rescue-note.ts'
import { comesTrue, commandIn, namespace } from '../commands/guarded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { root } from '../fixtures/root.ts'
import { evicts, without } from './following.ts'
import { served, webhooks } from './served.ts'

const rules = readFileSync(`${root}/charts/holdfast/templates/prometheusrule.yaml`, 'utf8')
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

/** An alert of the chart and its threshold: it fires when one metric is above it. */
function alert(name: string) {
  const [, text = ''] = new RegExp(`- alert: ${name}\n([^]*?)(?=\n *(- alert|{{))`).exec(rules) ?? []
  const [, metric = ''] = /(holdfast_\w+){/.exec(text) ?? []
  const [, limit = ''] = /expr: .* > (\d+)$/m.exec(text) ?? []
  const state = /state=~"([^"]+)"/.exec(text)?.[1]
  const [, description = ''] = /description: (.*)/.exec(text) ?? []
  const line = new RegExp(
    `^${metric}(?:{[^}]*${state === undefined ? '' : `state="(?:${state})"[^}]*`}})? (.+)$`,
    'gm',
  )
  return {
    description,
    limit: Number(limit),
    /** The highest of its values. */
    value: (metrics: string) =>
      Math.max(0, ...[...metrics.matchAll(line)].map(([, value]) => Number(value) || 0)),
  }
}

/** A cluster on which a guard runs whose alerts are looked at. */
async function watched(t: Parameters<typeof served>[0], release: string) {
  const world = await served(t, release)
  await world.write('holdfast-tls', {})
  const guard = await world.guard()
  const patch = (path: string, body: object, signal: AbortSignal | null = null) =>
    fetch(`${world.sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/${namespace}/${path}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(body),
      signal,
    })
  /** Waits until an alert fires, whatever its `for`. @param limit above which it fires; as it says if not given */
  const fires = async (name: string, limit = alert(name).limit) =>
    comesTrue(async () => alert(name).value(await guard.metrics()) > limit)
  const ends = async (name: string) => comesTrue(async () => alert(name).value(await guard.metrics()) === 0)
  await comesTrue(async () =>
    /^holdfast_synced 1$|^holdfast_disk_map_age_seconds \d/m.test(await guard.metrics()),
  )
  return { ...world, ...guard, patch, fires, ends }
}

t.test('the flags of a node in danger are taken down, and its alert ends', async (t) => {
  const { sandbox, client, patch, fires, ends } = await watched(t, 'v1.8.0')
  // Nothing is judged meanwhile, as with failurePolicy Ignore while no guard answers.
  const stored = await client.get(webhooks, '', 'holdfast')
  await client.delete(webhooks, '', 'holdfast')
  await sandbox.longhorn.powerOff('node-1')
  t.ok((await patch('nodes/node-1', evicts(true))).ok)
  const spare = without(sandbox.cluster.uuidOf('node-1/disk-1'))
  t.ok((await patch('backingimages/ubuntu-22.04', spare)).ok)
  if (stored) await client.create(webhooks, { ...stored, metadata: { name: 'holdfast' } })
  await fires('HoldfastNodeInDanger')
  t.match(alert('HoldfastNodeInDanger').description, /Take the eviction flags of the node down/)
  t.ok((await patch('nodes/node-1', evicts(false))).ok)
  await ends('HoldfastNodeInDanger')
})

t.test('noted flags are raised or forgotten, and their alert ends', async (t) => {
  // On this release nothing has to settle first.
  const { holdfast, patch, fires, ends } = await watched(t, 'v1.9.2')
  const note = JSON.stringify({ node: true, disks: [], at: '2026-11-30T12:00:00Z', by: 'ann' })
  const noted = { metadata: { annotations: { [rescueAnnotation]: note } }, spec: { allowScheduling: false } }
  const { description } = alert('HoldfastFlagsStayDown')
  for (const advice of [/To raise them: holdfast (rescue) /, /To forget them: .* (--leave-cleared)/]) {
    t.ok((await patch('nodes/node-1', noted)).ok)
    await fires('HoldfastFlagsStayDown')
    const [, word = ''] = advice.exec(description) ?? []
    t.not(word, '', description)
    const more = word === 'rescue' ? [] : [word]
    t.match(await holdfast('rescue', 'node-1', ...more), { code: 0 })
    await ends('HoldfastFlagsStayDown')
    t.ok((await patch('nodes/node-1', evicts(false))).ok)
  }
})

t.test('the manager of a disk comes back, and the alert of its clean-up ends', { skip }, async (t) => {
  const { sandbox, follow, patch, fires, ends } = await watched(t, 'v1.9.2')
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  await sandbox.longhorn.powerOff('node-1')
  t.ok((await patch('backingimages/ubuntu-22.04', without(uuid))).ok)
  await fires('HoldfastCleanupDoesNotEnd', 0)
  await fires('HoldfastCleanupCannotEnd', 0)
  t.match(alert('HoldfastCleanupCannotEnd').description, /Bring the node, the disk or the manager back/)
  t.match(alert('HoldfastCleanupDoesNotEnd').description, /Look at the backing image manager of the disk/)
  const look = `kubectl -n ${namespace} get backingimagemanagers.longhorn.io`
  t.match((await follow(look)).stdout, new RegExp(`unknown.*${uuid}`))
  await sandbox.longhorn.powerOn('node-1')
  await ends('HoldfastCleanupDoesNotEnd')
  await ends('HoldfastCleanupCannotEnd')
  t.match((await follow(look)).stdout, new RegExp(`running.*${uuid}`))
})

t.test('a request that waits is given up, and its alert ends', async (t) => {
  const { sandbox, patch, fires, ends } = await watched(t, 'v1.8.0')
  await sandbox.longhorn.powerOff('node-1')
  t.ok((await patch('backingimages/ubuntu-22.04', without(sandbox.cluster.uuidOf('node-1/disk-1')))).ok)
  const client = new AbortController()
  const asked = patch('nodes/node-1', evicts(true), client.signal).catch(() => undefined)
  await fires('HoldfastRequestWaits', 0)
  t.match(alert('HoldfastRequestWaits').description, /To give it up, stop the client/)
  client.abort()
  await asked
  await ends('HoldfastRequestWaits')
})

t.test('the Lease that names another namespace is deleted, and its alert ends', { skip }, async (t) => {
  const { client, follow, logged, fires, ends } = await watched(t, 'v1.9.2')
  const anchor = await client.get(leases, namespace, 'holdfast-book')
  if (!anchor) throw new Error('there is no holdfast-book')
  const annotations = { 'holdfast.dev/book-namespace': 'elsewhere' }
  await client.update(leases, { ...anchor, metadata: { ...anchor.metadata, annotations } })
  await fires('HoldfastBookElsewhere')
  t.match(alert('HoldfastBookElsewhere').description, /its log says why, and what to do/)
  const said = await logged(
    'other guards or proxies keep their Leases in another namespace: evictions and clean-ups are denied',
  )
  t.match(await follow(commandIn(JSON.stringify(said), /kubectl delete lease [\w-]+ --namespace [\w-]+/)), {
    code: 0,
  })
  await ends('HoldfastBookElsewhere')
})
