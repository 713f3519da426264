import type http from 'node:http'
import t, { type Test } from 'tap'
import { KubernetesDoor, type KubernetesDoorModules } from '../../../src/doors/proxy/kubernetes/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import { cluster } from '../../fixtures/cluster.ts'
import { disk } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { exchangeRaw } from './raw-request.ts'
import { unasked } from './unasked.ts'

const fine: http.RequestListener = (request, response) =>
  void request.resume().on('end', () => response.end('{}'))

/** A door before the Kubernetes API without a gate: a request that reaches the upstream has passed unjudged. */
async function kubernetes(t: Test, modules: Partial<KubernetesDoorModules> = {}) {
  const { modules: admits, denied } = admitting()
  const all = { ...unasked, ...admits, decide: unasked.decide, whoIs: ann, ...modules }
  const options = { longhornNamespace: 'longhorn-system', holdMs: 0 }
  const proxy = await beforeUpstream(t, fine, () => new KubernetesDoor(options, all))
  return { ...proxy, denied, send: (request: string, body?: string) => sent(proxy.port, request, body) }
}

/** Sends a request line as it is, which no client of Node would: they tidy targets up. */
async function sent(port: number, request: string, body = '{"spec":{"evictionRequested":true}}') {
  const [method = '', target = ''] = request.split(' ')
  const bytes = Buffer.from(method === 'GET' ? '' : body)
  const headers = ['Content-Type: application/merge-patch+json']
  const framing = method === 'GET' ? 'none' : 'length'
  const answer = await exchangeRaw(port, 'x', { method, target, headers, body: { framing, bytes } })
  const text = answer.toString()
  return { status: Number(text.split(' ')[1]), text }
}

const of = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'

const ambiguous = [
  `PATCH ${of}/nodes/n1//x`,
  `PATCH ${of}/nodes/n1//status`,
  `PATCH ${of}/nodes/n1//x/y/z`,
  `PATCH ${of}/nodes/n1%2F%2Fx`,
  `PUT ${of}/nodes/n1//x`,
  `PATCH ${of}/backingimages/i2//x`,
  `DELETE ${of}/nodes/n1//x`,
  `DELETE ${of}/nodes/n1//..`,
  `DELETE ${of}/nodes///n3?propagationPolicy=Background`,
  `PATCH ${of}/nodes/n1/`,
  `PATCH ${of}/nodes/./n1`,
  `PATCH ${of}/nodes/%2e/n1`,
  `PATCH ${of}/nodes/n1/..`,
  `PATCH ${of}/nodes/n1/%2E%2e/n2`,
  `PATCH ${of}/replicas//r1`,
  `PATCH /${of}/nodes/n1`,
  `PATCH /x/..${of}/nodes/n1`,
  `PATCH /apis//longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1`,
  `PATCH http://x/${of}/nodes/n1`,
  `POST ${of}//nodes`,
  `GET ${of}//nodes`,
]

for (const request of ambiguous) {
  t.test(`${request} is a 400 with a sentence, and goes nowhere`, async (t) => {
    const { send, asked } = await kubernetes(t)
    const { status, text } = await send(request)
    t.equal(status, 400)
    t.match(text, /"kind":"Status".*"reason":"BadRequest".*Servers read such a path in different ways/)
    t.strictSame(asked, [])
  })
}

t.test('a write with such a target is recorded, and passes if nothing is enforced', async (t) => {
  const { send, denied } = await kubernetes(t)
  await send(`DELETE ${of}/nodes/n1//x`)
  await send(`POST ${of}//replicas`)
  await send(`GET ${of}//nodes`)
  t.match(denied, [
    {
      kind: 'Node',
      name: 'n1',
      operation: 'DELETE',
      why: 'unreadable',
      request: { actor: { username: 'ann' } },
    },
  ])
  t.equal(denied.length, 1)
  await send(`PATCH ${of}/nodes/./n1`)
  t.match(denied.at(-1), { name: 'n1', operation: 'UPDATE' })
  const watching = await kubernetes(t, { enforces: false })
  t.equal((await watching.send(`PATCH ${of}/nodes/n1//x`)).status, 200)
  t.strictSame(watching.asked, [`PATCH ${of}/nodes/n1//x`])
})

t.test(
  'a write with such a target in a namespace that is not followed is a 400, and not on record',
  async (t) => {
    const { send, denied } = await kubernetes(t, { whoIs: unasked.whoIs })
    for (const request of [
      'PATCH /apis/longhorn.io/v1beta2/namespaces/elsewhere/nodes/n1//x',
      'DELETE /apis/longhorn.io/v1beta2//nodes/n1',
    ]) {
      t.equal((await send(request)).status, 400, request)
    }
    t.strictSame(denied, [])
  },
)

t.test('a slash at the end of a read passes, as in the paths of OpenAPI', async (t) => {
  const { send, asked } = await kubernetes(t)
  for (const request of [
    'GET /apis/longhorn.io/',
    'GET /apis/longhorn.io/v1beta2/',
    'GET /apis/other.io//x',
  ]) {
    t.equal((await send(request)).status, 200, request)
  }
  t.equal(asked.length, 3)
})

t.test('a fragment in a target is a 400 at both proxies, and is not forwarded', async (t) => {
  const longhorn = await beforeUpstream(
    t,
    fine,
    () => new LonghornDoor({ holdMs: 0, userHeader: undefined }, unasked),
  )
  const api = await kubernetes(t)
  for (const request of [`PATCH ${of}/nodes/n1#`, `PATCH ${of}/nodes/n1?x#`, 'GET /api#x']) {
    const { status, text } = await api.send(request)
    t.equal(status, 400, request)
    t.match(text, /"kind":"Status".*a request target has no #/)
  }
  for (const request of ['PUT /v1/nodes/n1#', 'POST /v1/nodes/n1?action=diskUpdate#', 'GET /v1/volumes#']) {
    const { status, text } = await sent(longhorn.port, request)
    t.equal(status, 400, request)
    t.match(text, /"type":"error".*a request target has no #/)
  }
  t.strictSame([...api.asked, ...longhorn.asked], [])
  const upgrade = { headers: ['Connection: Upgrade', 'Upgrade: websocket'], body: none }
  const answer = await exchangeRaw(longhorn.port, 'x', {
    method: 'GET',
    target: '/v1/ws/1s/nodes#',
    ...upgrade,
  })
  t.match(answer.toString(), /^HTTP\/1\.1 400 /)
})

const none = { framing: 'none', bytes: Buffer.alloc(0) } as const

const services = '/api/v1/namespaces/longhorn-system/services'
const pods = '/api/v1/namespaces/longhorn-system/pods'
const raise = '{"allowScheduling":false,"evictionRequested":true}'

const through = [
  `PUT ${services}/http:longhorn-backend:9500/proxy/v1/nodes/n1`,
  `PUT ${services}/longhorn-backend/proxy/v1/nodes/n1`,
  `PUT ${services}/longhorn-frontend:http/proxy/v1/nodes/n1`,
  `PUT ${pods}/longhorn-manager-x:9500/proxy/v1/nodes/n1`,
  `DELETE ${pods}/longhorn-manager-x:9500/proxy/v1/nodes/n1`,
  `POST ${services}/longhorn-backend:9500/proxy/v1/nodes/n1?action=diskUpdate`,
  `POST ${services}/longhorn-backend:9500/proxy/v1/backingimages/i1?action=backingImageCleanup`,
  `DELETE ${services}/longhorn-backend:9500/proxy/v1/backingimages/i1`,
  `PUT ${services}/longhorn-backend:9500/proxy//v1//nodes/n1/`,
  `PUT ${services}/longhorn-backend:9500/proxy/../v1/nodes/n1`,
  `PUT ${services}/longhorn-backend:9500/proxy/v1/%2e%2e/v1%2Fnodes/n1`,
  `PUT ${services.replaceAll('/', '%2F').replace('%2F', '/')}%2Flonghorn-backend%2Fproxy/v1/nodes/n1`,
]

for (const request of through) {
  t.test(`${request} is a 403 with a sentence, on record, and goes nowhere`, async (t) => {
    const { send, asked, denied } = await kubernetes(t)
    const { status, text } = await send(request, raise)
    t.equal(status, 403)
    t.match(text, /"kind":"Status".*"reason":"Forbidden".*holdfast proxy longhorn/)
    t.match(denied, [{ why: 'undecided', request: { actor: { username: 'ann' } } }])
    t.strictSame(asked, [])
  })
}

t.test(
  'a request that passes the proxy before Longhorn’s REST API also passes through the API server',
  async (t) => {
    const known = () =>
      cluster('v1.8.0')
        .node('n1', [disk('d1', { evictionRequested: true, allowScheduling: false })])
        .map.node('n1')
    const { send, asked, denied } = await kubernetes(t, { known })
    const backend = `${services}/longhorn-backend:9500/proxy/v1`
    const cleared = '{"disks":{"d1":{"path":"/d","allowScheduling":true,"evictionRequested":false}}}'
    const passing: readonly (readonly [request: string, body?: string])[] = [
      [`GET ${backend}/nodes/n1`],
      [`POST ${backend}/volumes/v1?action=attach`],
      [`PUT ${backend}/nodes/n1`, '{"allowScheduling":true,"evictionRequested":false}'],
      [`POST ${backend}/nodes/n1?action=diskUpdate`, cleared],
      ['PUT /api/v1/namespaces/elsewhere/services/consul/proxy/v1/nodes/n1'],
      [`PUT ${services}/longhorn-backend`],
    ]
    for (const [request, body] of passing) t.equal((await send(request, body)).status, 200, request)
    t.strictSame(
      asked,
      passing.map(([request]) => request),
    )
    t.strictSame(denied, [])
    const garbled = await send(`PUT ${backend}/nodes/n1`, '{"evictionRequested":')
    t.equal(garbled.status, 400)
    t.match(denied, [{ kind: 'Node', name: 'n1', why: 'unreadable' }])
  },
)

t.test('if nothing is enforced, calls of Longhorn’s REST API pass through the API server', async (t) => {
  const { send, asked } = await kubernetes(t, { enforces: false })
  t.equal((await send(through[0] ?? '', raise)).status, 200)
  t.equal(asked.length, 1)
})
