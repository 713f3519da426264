import t, { type Test } from 'tap'
import { bind } from '../../../src/doors/proxy/kubernetes/bind.ts'
import { dryRunOf } from '../../../src/doors/proxy/kubernetes/dry-run.ts'
import { idle, sandboxed, type Setup } from './sandboxed.ts'
import { comesTrue } from '../../commands/guarded-cluster.ts'

const images = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/backingimages'
const nodes = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes'

/** An embedded cluster, and a proxy before its API. */
async function proxied(t: Test, setup: Setup = {}) {
  const of = { api: 'kubernetes', localOnly: true } as const
  const { sandbox, decided, port } = await sandboxed(t, of, setup)
  const call = async (method: string, path: string, body?: unknown, type = 'application/json') => {
    const init = { method, headers: { 'content-type': type } }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(
      `http://127.0.0.1:${port}${path}`,
      body === undefined ? init : { ...init, body: text },
    )
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as Record<string, unknown>,
    }
  }
  const disk1 = sandbox.cluster.uuidOf('node-1/disk-1')
  return {
    sandbox,
    call,
    decided,
    port,
    disk1,
    cleanUp: () =>
      call('PATCH', `${images}/ubuntu-22.04`, { spec: { diskFileSpecMap: { [disk1]: null } } }, merge),
  }
}

const websocket = { connection: 'Upgrade', upgrade: 'websocket' }
const merge = 'application/merge-patch+json'
const raised = { evictionRequested: true, allowScheduling: false }
const heldBack = {
  status: 429,
  body: {
    kind: 'Status',
    reason: 'TooManyRequests',
    details: { retryAfterSeconds: 2 },
    message: /has to wait: [^]*rule eviction-during-cleanup/,
  },
}

t.test('an eviction during a clean-up is held back, in any notation', async (t) => {
  // Nothing else writes the node: a PUT names its version.
  const { call, cleanUp, sandbox, decided } = await proxied(t, { longhorn: idle })
  t.equal((await cleanUp()).status, 200)
  const { body: node } = await call('GET', `${nodes}/node-1`)
  const spec = node.spec as object
  const path = `${nodes}/node-1`
  const patch = [
    { op: 'replace', path: '/spec/allowScheduling', value: false },
    { op: 'replace', path: '/spec/evictionRequested', value: true },
  ]
  const held = await call('PATCH', path, { spec: raised }, merge)
  t.match(held, heldBack)
  t.equal(held.headers.get('retry-after'), '2')
  t.match(await call('PATCH', path, patch, 'application/json-patch+json'), heldBack)
  t.match(await call('PUT', path, { ...node, spec: { ...spec, ...raised } }), heldBack)
  const dry = await call('PATCH', `${path}?dryRun=All`, { spec: raised }, merge)
  t.match(dry, { status: 429, body: { message: /^dry run: evicting .* has to wait: / } })
  t.equal(dry.headers.get('retry-after'), null, 'a dry run is answered once')
  t.match(decided.at(-1), { change: { request: { dryRun: true, door: 'proxy-kubernetes' } } })
  t.match(
    await sandbox.client.get(
      { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' },
      'longhorn-system',
      'node-1',
    ),
    {
      spec: { evictionRequested: false },
    },
  )
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an admitted write is written once, on the version that was judged', async (t) => {
  const { call } = await proxied(t)
  const path = `${nodes}/node-3`
  const evicted = await call('PATCH', path, { spec: raised }, merge)
  t.match(evicted, { status: 200, body: { spec: raised } })
  const stale = { metadata: { resourceVersion: '1' }, spec: { evictionRequested: false } }
  t.match(await call('PATCH', path, stale, merge), { status: 409, body: { reason: 'Conflict' } })
  const cleared = { spec: { evictionRequested: false } }
  t.match(await call('PATCH', path, cleared, merge), { status: 200, body: cleared })
})

t.test('a failure of the API server’s own is answered in its words', async (t) => {
  const { call, decided } = await proxied(t)
  t.match(await call('PATCH', `${nodes}/node-9`, { spec: raised }, merge), {
    status: 404,
    body: { reason: 'NotFound' },
  })
  t.match(
    await call(
      'PATCH',
      `${nodes}/node-1`,
      '[{"op":"test","path":"/spec/name","value":"x"}]',
      'application/json-patch+json',
    ),
    {
      status: 422,
    },
  )
  t.match(await call('PUT', `${nodes}/node-1`, '{', 'application/json'), { status: 400 })
  t.strictSame(decided, [])
})

t.test('creates and deletes are judged too', async (t) => {
  const { call } = await proxied(t)
  t.match(await call('DELETE', `${nodes}/node-1`), {
    status: 403,
    body: { message: /is denied: [^]*rule disk-removal-with-copies/ },
  })
  const image = {
    apiVersion: 'longhorn.io/v1beta2',
    kind: 'BackingImage',
    metadata: { name: 'fresh', namespace: 'longhorn-system' },
    spec: { sourceType: 'upload' },
  }
  t.match(await call('POST', images, image), { status: 201, body: { metadata: { name: 'fresh' } } })
  t.match(await call('DELETE', `${images}/fresh`), { status: 200 })
})

t.test('a delete of all nodes is judged node by node, and none is deleted', async (t) => {
  const { call } = await proxied(t, { longhorn: idle })
  t.match(await call('DELETE', nodes), {
    status: 403,
    body: { message: /is denied: [^]*rule disk-removal-with-copies/ },
  })
  const { body } = await call('GET', nodes)
  const all = body.items as { metadata: { deletionTimestamp?: string } }[]
  t.equal(all.length, 3)
  t.notOk(all.some(({ metadata }) => metadata.deletionTimestamp))
})

t.test('a delete with options in its body is only tried first, too', (t) => {
  const write = { kind: 'BackingImage', namespace: 'longhorn-system', name: 'x', method: 'DELETE' } as const
  const dry = (target: string, body: string) => {
    const made = dryRunOf(write, target, Buffer.from(body))
    return made && { ...made, body: made.body.toString() }
  }
  t.strictSame(dry('/x', ''), { target: '/x?dryRun=All', body: '', asked: false })
  t.strictSame(dry('/x?a=b', ''), { target: '/x?a=b&dryRun=All', body: '', asked: false })
  t.strictSame(dry('/x?dryRun=All', ''), { target: '/x?dryRun=All&dryRun=All', body: '', asked: true })
  // Go drops such a pair, and would write.
  t.strictSame(dry('/x?dryRun=All;x', ''), { target: '/x?dryRun=All;x&dryRun=All', body: '', asked: false })
  t.strictSame(dry('/x', '{"propagationPolicy":"Orphan"}'), {
    target: '/x',
    body: '{"propagationPolicy":"Orphan","dryRun":["All"]}',
    asked: false,
  })
  t.strictSame(dry('/x', '{"dryRun":["All"]}')?.asked, true)
  t.equal(dry('/x', 'k8s\u0000binary'), undefined, 'it must not be sent')
  t.end()
})

t.test('a write is bound to the version that was judged, unless its client named one', (t) => {
  const bound = (
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    contentType: string,
    body: string,
    hasQuery = false,
  ) => {
    const made = bind(Buffer.from(body), { method, contentType, hasQuery, resourceVersion: '7' })
    return made.by === 'proxy' ? (JSON.parse(made.body.toString()) as unknown) : made.body.toString()
  }
  const json = 'application/json'
  t.equal(bound('POST', json, '{}'), '{}')
  t.strictSame(bound('PUT', `${json}; charset=utf-8`, '{"spec":{}}'), {
    spec: {},
    metadata: { resourceVersion: '7' },
  })
  const yaml = 'metadata: {resourceVersion: "7"}'
  t.equal(bound('PUT', 'application/yaml', yaml), yaml, 'nothing but JSON is parsed')
  t.equal(
    bound('PATCH', merge, '{"metadata":{"resourceVersion":"3"}}'),
    '{"metadata":{"resourceVersion":"3"}}',
  )
  t.strictSame(bound('PATCH', 'application/json-patch+json', '[{"op":"remove","path":"/x"}]'), [
    { op: 'test', path: '/metadata/resourceVersion', value: '7' },
    { op: 'remove', path: '/x' },
  ])
  t.equal(
    bound('PATCH', 'application/apply-patch+yaml', '{}'),
    '{}',
    'it would be part of what was last applied',
  )
  t.strictSame(bound('DELETE', json, ''), {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { resourceVersion: '7' },
  })
  t.equal(bound('DELETE', json, '', true), '', 'options in the query would be lost')
  t.equal(bound('PUT', json, ': ]'), ': ]', 'the API server says what is wrong')
  t.end()
})

t.test('everything else passes: status, other kinds, watches, discovery', async (t) => {
  const { call, decided } = await proxied(t)
  t.match(await call('GET', '/apis'), { status: 200, body: { kind: 'APIGroupList' } })
  // Longhorn writes to it too.
  await comesTrue(async () => {
    const { body } = await call('GET', `${nodes}/node-2`)
    return (await call('PUT', `${nodes}/node-2/status`, body)).status === 200
  })
  t.strictSame(decided, [])
})

t.test('a hold lasts until the clean-up has ended', async (t) => {
  // Long enough to be still pending when the eviction comes, on a slow machine too.
  const setup = { longhorn: { drainMs: 4_000 }, hold: '10m' }
  const { call, cleanUp, sandbox, decided } = await proxied(t, setup)
  await cleanUp()
  t.match(await call('PATCH', `${nodes}/node-1`, { spec: raised }, merge), {
    status: 200,
    body: { spec: raised },
  })
  const waited = decided.some(({ verdict, timing }) => verdict.decision === 'hold' || timing.heldMs > 0)
  t.ok(waited, 'it was held')
  t.strictSame(sandbox.longhorn.crashes, [])
})

const strangers: readonly (readonly [who: string, headers: Record<string, string>, status: number])[] = [
  ['a page that calls this machine by another name', { host: 'rebound.example' }, 403],
  ['a page from elsewhere', { origin: 'https://elsewhere.example' }, 403],
  ['a page that does not say from where', { origin: 'null' }, 403],
  ['an image in a page from elsewhere', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
  ['a link in a page from elsewhere', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 403],
  ['an image in a page of an older browser', { referer: 'https://elsewhere.example/page' }, 403],
  ['a referrer that is no URL', { referer: 'elsewhere' }, 403],
  [
    'an image in a page that this machine serves',
    { 'sec-fetch-site': 'same-site', referer: 'http://localhost:3000/' },
    200,
  ],
  ['who types the address', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' }, 200],
  [
    'a page that this machine serves under another name',
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:3000' },
    200,
  ],
  ['a page that this machine serves', { origin: 'http://127.0.0.1:8001' }, 200],
  ['a program that calls it by its name', { host: 'localhost:8001' }, 200],
  [
    'a page from elsewhere that opens a WebSocket',
    { ...websocket, origin: 'https://elsewhere.example' },
    403,
  ],
]

for (const [who, headers, status] of strangers) {
  t.test(`${who} is ${status === 200 ? 'served' : 'turned away'}`, async (t) => {
    const { port } = await proxied(t)
    const { request } = await import('node:http')
    const got = await new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/api', headers }, (answer) =>
        resolve(answer.statusCode),
      )
      asked.on('error', reject)
      asked.end()
    })
    t.equal(got, status)
  })
}
