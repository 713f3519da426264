import https from 'node:https'
import t from 'tap'
import { leaseOf } from '../../src/kubernetes/leases/lease-format.ts'
import { object } from '../../src/sandbox/json.ts'
import { comesTrue, guarded, namespace, nodes } from '../commands/guarded-cluster.ts'
import { exchangeRaw, partsOf } from '../doors/proxy/raw-request.ts'
import { sandboxed } from '../doors/proxy/sandboxed.ts'
import { node, review } from '../doors/webhook/review-builder.ts'
import { running } from '../doors/webhook/running-webhook.ts'
import { evicts, without } from './following.ts'
import { webhooks } from './served.ts'

const folder = `/apis/longhorn.io/v1beta2/namespaces/${namespace}`
const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

t.test('a request that a proxy turns away passes in the form that the proxy advises', async (t) => {
  const { port } = await sandboxed(t, { api: 'kubernetes', localOnly: true })
  const send = async (method: string, target: string, spec?: object, host = `127.0.0.1:${port}`) => {
    const bytes = Buffer.from(spec === undefined ? '' : JSON.stringify({ spec }))
    const headers = spec === undefined ? [] : ['Content-Type: application/merge-patch+json']
    const framing = spec === undefined ? 'none' : 'length'
    const answer = partsOf(
      await exchangeRaw(port, host, { method, target, headers, body: { framing, bytes } }),
    )
    return `${answer.head[0] ?? ''}\n${answer.body.toString()}`
  }
  const tags = { tags: ['a'] }
  t.match(await send('GET', `${folder}/nodes/node-1#x`), /^HTTP\/1\.1 400[^]*Write # as %23/)
  t.match(await send('GET', `${folder}/nodes/node-1%23x`), /^HTTP\/1\.1 404/, 'no node is called so')
  t.match(
    await send('PATCH', `${folder}/nodes//node-1`, tags),
    /^HTTP\/1\.1 400[^]*Write each name once, with single/,
  )
  t.match(await send('PATCH', `${folder}/nodes/node-1`, tags), /^HTTP\/1\.1 200/)
  t.match(
    await send('GET', `${folder}/nodes`, undefined, 'evil.example'),
    /^HTTP\/1\.1 403[^]*use 127\.0\.0\.1 or localhost/,
  )
  t.match(await send('GET', `${folder}/nodes`, undefined, `localhost:${port}`), /^HTTP\/1\.1 200/)

  const around = `/api/v1/namespaces/${namespace}/services/longhorn-backend:9500/proxy/v1/nodes/node-1`
  const raise = '{"allowScheduling":false,"evictionRequested":true}'
  const through = await fetch(`http://127.0.0.1:${port}${around}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: raise,
  })
  t.equal(through.status, 403)
  t.match(await through.text(), /Write the object itself with kubectl, or use holdfast proxy longhorn/)
  t.match(await send('PATCH', `${folder}/nodes/node-3`, evicts(true).spec), /^HTTP\/1\.1 200/)
  const other = await sandboxed(t, { api: 'longhorn', userHeader: undefined })
  const written = await fetch(`http://127.0.0.1:${other.port}/v1/nodes/node-3`, {
    method: 'PUT',
    body: raise,
  })
  t.equal(written.status, 200, await written.text())
})

t.test('a review is sent as the webhook says', async (t) => {
  const { post, agent, port } = await running(t)
  const wrong = await new Promise<string>((resolve, reject) => {
    const sent = https.get({ host: '127.0.0.1', port, path: '/validate', agent }, (response) =>
      response.setEncoding('utf8').on('data', resolve),
    )
    sent.on('error', reject)
  })
  t.match(
    wrong,
    /Send an AdmissionReview of admission\.k8s\.io\/v1 as application\/json by POST to \/validate/,
  )
  const ask = async (after: object) => {
    const { status, body } = await post(review('Node', { before: node({}), after: node(after) }))
    t.equal(status, 200)
    return (JSON.parse(body) as { response: { allowed: boolean; status?: { message: string } } }).response
  }
  const odd = await ask({ allowScheduling: 'no', evictionRequested: true })
  t.match(odd, { allowed: false, status: { message: /What to do: correct the field/ } })
  t.match(await ask({ allowScheduling: false, evictionRequested: true }), { allowed: true })
})

t.test('a namespace that Longhorn does not run in is left out of the registration', async (t) => {
  const { sandbox } = await guarded(t)
  const stored = await sandbox.client.get(webhooks, '', 'holdfast')
  if (!stored) throw new Error('there is no registration')
  const [first] = [stored.webhooks].flat().map((each) => object(each))
  const wide = await sandbox.client.update(webhooks, {
    ...stored,
    webhooks: [{ ...first, namespaceSelector: {} }],
  })
  const tenant = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tenant' } }
  await sandbox.client.create({ group: '', version: 'v1', plural: 'namespaces' }, tenant)
  const made = await sandbox.client.get(nodes, namespace, 'node-1')
  const raise = () =>
    fetch(`${sandbox.api.url}/apis/longhorn.io/v1beta2/namespaces/tenant/nodes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{
          apiVersion: made?.apiVersion,
          kind: made?.kind,
          metadata: { name: 'theirs', namespace: 'tenant' },
        },
        spec: { ...object(made?.spec), evictionRequested: true },
      }),
    })
  const refused = await raise()
  t.equal(refused.status, 403)
  const said = await refused.text()
  t.match(said, /start the guard with --longhorn-namespace tenant/)
  t.match(said, /leave tenant out of its ValidatingWebhookConfiguration with a namespaceSelector/)
  await sandbox.client.update(webhooks, { ...wide, webhooks: [first ?? {}] })
  t.equal((await raise()).status, 201)
})

t.test('a change that another stands in the way of passes once that is committed', async (t) => {
  const { sandbox, ask } = await guarded(t, { release: 'v1.8.0' })
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  const current = await sandbox.client.get(nodes, namespace, 'node-1')
  const { uid = '', resourceVersion = '' } = current?.metadata ?? {}
  const other = {
    kind: 'Node',
    name: 'node-1',
    uid,
    resourceVersion,
    intent: 'eviction',
    disks: 'any',
    deadline: Date.now() + 70_000,
    lastsMs: 70_000,
    by: 'other',
    stamp: 'other',
  } as const
  const page = { key: 'node-1', version: undefined, reservations: [other] }
  const lease = leaseOf(page, { replica: 'other', now: Date.now() })
  await sandbox.client.create(leases, { ...lease, metadata: { ...lease.metadata, namespace: 'holdfast' } })
  const cleanUp = (query = '') => ask('PATCH', `backingimages/ubuntu-22.04${query}`, without(uuid))
  let waits = await cleanUp('?dryRun=All')
  await comesTrue(async () => !(waits = await cleanUp('?dryRun=All')).ok)
  t.match(waits.text, /is allowed as soon as that change is stored or given up, in about \d+s at the latest/)
  t.ok((await ask('PATCH', 'nodes/node-1', { spec: { tags: ['committed'] } })).ok)
  t.match(await cleanUp(), { ok: true })
})

t.test('status of a missing namespace says where the guard is', async (t) => {
  const { holdfast } = await guarded(t)
  const none = await holdfast('status', '--namespace', 'nowhere')
  t.match(none, { code: 2, stderr: /if the guard runs in another one, name it with --namespace/ })
  t.match(await holdfast('status', '--namespace', 'holdfast'), { code: 0 })
  const audit = await holdfast('audit', '--namespace', 'nowhere')
  t.match(audit, { code: 2, stderr: /name its namespace with --namespace, or a file/ })
  t.match(await holdfast('audit', '--namespace', 'holdfast'), { code: 0 })
})
