import { once } from 'node:events'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { type Change, nameOf } from '../../../src/rules/change.ts'
import { idle, sandboxed, type Setup } from './sandboxed.ts'

const nodes = { group: 'longhorn.io', version: 'v1beta2', plural: 'nodes' }
const images = { group: 'longhorn.io', version: 'v1beta2', plural: 'backingimages' }

/** An embedded cluster, and a proxy before Longhorn's REST API. */
async function proxied(t: Test, setup: Setup = {}) {
  const of = { api: 'longhorn', userHeader: 'X-Forwarded-User' } as const
  const { sandbox, url, decided } = await sandboxed(t, of, setup)
  const call = async (method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
    const init = { method, headers: { 'content-type': 'application/json', ...headers } }
    const answer = await fetch(
      `${url}${path}`,
      body === undefined ? init : { ...init, body: JSON.stringify(body) },
    )
    const text = await answer.text()
    return {
      status: answer.status,
      body: text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>),
    }
  }
  const disk1 = sandbox.cluster.uuidOf('node-1/disk-1')
  return {
    sandbox,
    url,
    call,
    decided,
    disk1,
    flag: () => call('PUT', '/v1/nodes/node-1', { allowScheduling: false, evictionRequested: true }),
    cleanUp: (disks = [disk1]) =>
      call('POST', '/v1/backingimages/ubuntu-22.04?action=backingImageCleanup', { disks }),
  }
}

const isTheGuards = {
  status: 500,
  body: {
    type: 'error',
    status: 500,
    code: 'Internal Server Error',
    message: /\nWhy: .*\nNext: /,
    links: {},
    actions: {},
  },
}

t.test(
  'a clean-up on a flagged node is refused in the words of Longhorn’s API, and the flag may be cleared',
  async (t) => {
    for (const release of ['v1.8.0', 'v1.9.0']) {
      const { sandbox, call, cleanUp, flag } = await proxied(t, { release, longhorn: idle })
      t.equal((await flag()).status, 200)
      const refused = await cleanUp()
      t.match(refused, isTheGuards)
      t.match(
        refused.body?.message,
        /^removing the copy of ubuntu-22\.04 on disk-1 of node-1 has to wait: [^]*rule cleanup-during-eviction/,
      )
      t.equal((await call('PUT', '/v1/nodes/node-1', { allowScheduling: false })).status, 200)
      t.match(await sandbox.client.get(nodes, sandbox.namespace, 'node-1'), {
        spec: { evictionRequested: false },
      })
      t.equal((await cleanUp()).status, 200)
      t.strictSame(sandbox.longhorn.crashes, [])
    }
  },
)

t.test('an eviction during a clean-up is refused, of the node and of a disk', async (t) => {
  const { sandbox, call, cleanUp, flag } = await proxied(t)
  t.equal((await cleanUp()).status, 200)
  t.match(await flag(), isTheGuards)
  const { body } = await call('GET', '/v1/nodes/node-1')
  const disks = body?.disks as Record<string, object>
  const disk2 = { ...disks['disk-2'], allowScheduling: false, EvictionRequested: true }
  t.match(
    await call('POST', '/v1/nodes/node-1?action=diskUpdate', { disks: { ...disks, 'disk-2': disk2 } }),
    isTheGuards,
  )
  t.equal(
    (await call('POST', '/v1/nodes/node-1?action=diskUpdate', { disks })).status,
    200,
    'nothing is raised',
  )
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('a disk that is left out is removed, and judged so', async (t) => {
  const { call } = await proxied(t)
  const { body } = await call('GET', '/v1/nodes/node-1')
  const { 'disk-2': kept } = body?.disks as Record<string, object>
  const refused = await call('POST', '/v1/nodes/node-1?action=diskUpdate', { disks: { 'disk-2': kept } })
  t.match(refused.body?.message, /is denied: [^]*rule disk-removal-with-copies/)
  t.match(
    (await call('DELETE', '/v1/nodes/node-1')).body?.message,
    /is denied: [^]*rule disk-removal-with-copies/,
  )
})

t.test('the method decides: the UI deletes an image with the query of a clean-up', async (t) => {
  const { sandbox, call, flag, decided } = await proxied(t)
  t.equal((await flag()).status, 200)
  const path = '/v1/backingimages/debian-12?action=backingImageCleanup'
  await call('DELETE', path)
  t.match(decided.at(-1), { change: { kind: 'BackingImage', operation: 'DELETE' } })
  const image = await sandbox.client.get(images, sandbox.namespace, 'debian-12')
  t.ok(image === undefined || image.metadata.deletionTimestamp !== undefined, 'it is on its way out')
})

t.test('the user is recorded, by the header of a proxy before this one', async (t) => {
  const { call, decided } = await proxied(t)
  await call(
    'PUT',
    '/v1/nodes/node-2',
    { allowScheduling: false, evictionRequested: true },
    { 'x-forwarded-user': 'ann' },
  )
  await call('PUT', '/v1/nodes/node-3', { allowScheduling: false, evictionRequested: true })
  const about = (name: string): Change[] =>
    decided.map(({ change }) => change).filter((change) => nameOf(change) === name)
  // One is judged again if Longhorn wrote its node between the verdict and the write.
  const [first, ...again] = about('node-2')
  t.match(first, { request: { door: 'proxy-longhorn', actor: { username: 'ann' } } })
  for (const change of again) t.match(change, { request: { actor: { username: 'ann' } } })
  const others = about('node-3')
  t.ok(others.length > 0, 'the second is on record too')
  for (const change of others)
    t.match(change, { request: { actor: { username: /^anonymous at .*127\.0\.0\.1$/ } } })
})

t.test('a hold lasts until the clean-up has ended, and then the write is done', async (t) => {
  // Long enough to be still pending when the eviction comes, on a slow machine too.
  const setup = { longhorn: { drainMs: 4_000 }, hold: '10m' }
  const { cleanUp, flag, sandbox, decided } = await proxied(t, setup)
  t.equal((await cleanUp()).status, 200)
  t.equal((await flag()).status, 200)
  const waited = decided.some(({ verdict, timing }) => verdict.decision === 'hold' || timing.heldMs > 0)
  t.ok(waited, 'it was held')
  t.match(await sandbox.client.get(nodes, sandbox.namespace, 'node-1'), { spec: { evictionRequested: true } })
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('an unreadable request is denied, and an unrelated one passes', async (t) => {
  const { url, call, cleanUp } = await proxied(t)
  const odd = await fetch(`${url}/v1/nodes/node-1`, { method: 'PUT', body: '{"evictionRequested":' })
  t.equal(odd.status, 400)
  t.match(await call('PUT', '/v1/nodes/node-1', { evictionRequested: 'yes' }), {
    status: 400,
    body: { message: /boolean/ },
  })
  t.match(await call('PUT', '/v1/nodes/node-9', { evictionRequested: true }), { status: 404 })
  t.equal((await cleanUp(['unknown'])).status, 200)
  const more = { minNumberOfCopies: 2 }
  t.equal(
    (await call('POST', '/v1/backingimages/debian-12?action=updateMinNumberOfCopies', more)).status,
    200,
  )
})

t.test('links and WebSockets work through the proxy', async (t) => {
  const { url, call, flag } = await proxied(t)
  const seen = { 'x-forwarded-host': 'ui.example', 'x-forwarded-proto': 'https' }
  t.match(await call('GET', '/v1/nodes/node-1', undefined, seen), {
    body: { actions: { diskUpdate: 'https://ui.example/v1/nodes/node-1?action=diskUpdate' } },
  })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws/1s/nodes`)
  const next = async (): Promise<{ data: { evictionRequested: boolean }[] }> => {
    const [data] = (await once(socket, 'message')) as [Buffer]
    return JSON.parse(data.toString()) as { data: { evictionRequested: boolean }[] }
  }
  t.match(await next(), { type: 'collection', resourceType: 'node' })
  await flag()
  for (;;) {
    const { data } = await next()
    if (data.some(({ evictionRequested }) => evictionRequested)) break
  }
  socket.terminate()
})

t.test('a write that asks for another protocol does not get around', async (t) => {
  const { call, url, sandbox } = await proxied(t)
  await call('POST', '/v1/backingimages/ubuntu-22.04?action=backingImageCleanup', {
    disks: [sandbox.cluster.uuidOf('node-1/disk-1')],
  })
  const { request } = await import('node:http')
  const headers = { connection: 'Upgrade', upgrade: 'x', 'content-type': 'application/json' }
  const sent = request(`${url}/v1/nodes/node-1`, { method: 'PUT', headers })
  sent.end('{"evictionRequested":true}')
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  t.match(await json(answer), isTheGuards.body)
})

t.test('an upstream that is down is a 502 with the reason', async (t) => {
  const { call, sandbox } = await proxied(t)
  await sandbox.rest.stop()
  t.match(await call('GET', '/v1/nodes'), {
    status: 502,
    body: {
      type: 'error',
      message:
        /cannot be reached: the connection was refused, so no program listens there \(ECONNREFUSED\)\. Does/,
    },
  })
})
