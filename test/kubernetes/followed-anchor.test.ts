import t, { type Test } from 'tap'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import type { ApiRequest } from '../../src/kubernetes/client/exchange.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { anchorCollection, makeAnchor, readAnchor } from '../../src/kubernetes/leases/book-anchor.ts'
import { type AnchorState, FollowedAnchor } from '../../src/kubernetes/leases/followed-anchor.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { eventually, turns } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeApiServer } from './fake-api-server.ts'

const signal = new AbortController().signal
const longhornNamespace = 'longhorn-system'
const anchor = `${anchorCollection(longhornNamespace)}/holdfast-book`
const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'node.n1' }, spec: {} }

/** An API server, a way to it that refuses what `forbids` says, and the doors that follow the anchor there. */
async function cluster(t: Test, forbids: (request: ApiRequest) => boolean = () => false) {
  const api = await ApiServer.start()
  const free = connectTo(api.url)
  const refusal = JSON.stringify({ kind: 'Status', code: 403, reason: 'Forbidden', message: 'not you' })
  const rights = { forbids }
  const connection: Connection = {
    ...free,
    request: async (request) =>
      rights.forbids(request)
        ? { status: 403, headers: {}, body: bytes(refusal), text: () => Promise.resolve(refusal) }
        : await free.request(request),
  }
  const anchors: FollowedAnchor[] = []
  t.teardown(async () => {
    await Promise.all(anchors.map((each) => each.stop()))
    free.close()
    await api.stop()
  })
  /** A door with its book in this namespace, and its reported states. */
  const door = (namespace: string) => {
    const clock = new FakeClock()
    const states: [AnchorState, string | undefined][] = []
    const onState = (state: AnchorState, why: string | undefined) => void states.push([state, why])
    const followed = new FollowedAnchor({ connection, longhornNamespace, namespace, clock, onState })
    anchors.push(followed)
    const guarded = followed.guarding(free)
    const write = () =>
      jsonRequest(guarded, { method: 'POST', path: anchorCollection(namespace), json: lease, signal })
    return { followed, clock, states, write, guarded }
  }
  const place = { connection: free, longhornNamespace }
  const edit = (annotations: Record<string, string | null>) =>
    jsonRequest(free, {
      method: 'PATCH',
      path: anchor,
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { metadata: { annotations } },
      signal,
    })
  const remove = () => jsonRequest(free, { method: 'DELETE', path: anchor, signal })
  return { door, place, edit, remove, rights }
}

async function* bytes(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text))
}

t.test('the first of several namespaces named at once counts for all doors', async (t) => {
  const { place } = await cluster(t)
  t.equal(await readAnchor(place, signal), undefined)
  const names = ['a', 'b', 'c']
  const found = await Promise.all(names.map((name) => makeAnchor(place, name, signal)))
  t.equal(new Set(found).size, 1)
  t.equal(await readAnchor(place, signal), found[0])
})

t.test('the first door creates the anchor, and writes in its book only afterwards', async (t) => {
  const { door, place } = await cluster(t)
  const { followed, write } = door('holdfast')
  await t.rejects(write(), /not been read yet/)
  await followed.whenKnown(signal)
  t.equal(followed.state, 'here')
  t.equal(await readAnchor(place, signal), 'holdfast')
  await write()
})

t.test('a door with another namespace reads, and writes nothing', async (t) => {
  const { door, place } = await cluster(t)
  await makeAnchor(place, 'holdfast', signal)
  const { followed, write, states, guarded } = door('default')
  await followed.whenKnown(signal)
  t.equal(followed.state, 'elsewhere')
  t.match(states.at(-1)?.[1], /in namespace holdfast, not in default: .*Start with --namespace holdfast\./)
  await t.rejects(write(), /in namespace holdfast, not in default/)
  await jsonRequest(guarded, { method: 'GET', path: anchor, signal })
})

t.test(
  'an anchor that is moved while a door runs stops its writes, and moved back lets them go on',
  async (t) => {
    const { door, edit } = await cluster(t)
    const { followed, write } = door('holdfast')
    await followed.whenKnown(signal)
    await edit({ 'holdfast.dev/book-namespace': 'default' })
    await eventually(() => followed.state === 'elsewhere')
    await t.rejects(write(), /in namespace default, not in holdfast/)
    await edit({ 'holdfast.dev/book-namespace': 'holdfast' })
    await eventually(() => followed.state === 'here')
    await write()
  },
)

t.test('an anchor that is deleted is made again', async (t) => {
  const { door, remove, place } = await cluster(t)
  const { followed, states } = door('holdfast')
  await followed.whenKnown(signal)
  await remove()
  await eventually(() => states.filter(([state]) => state === 'here').length === 2)
  t.equal(await readAnchor(place, signal), 'holdfast')
})

t.test('an anchor without a namespace stops the writes until it is deleted', async (t) => {
  const { door, edit, remove } = await cluster(t)
  const { followed, states, write } = door('holdfast')
  await followed.whenKnown(signal)
  await edit({ 'holdfast.dev/book-namespace': null })
  await eventually(() => followed.state === 'unknown')
  t.match(
    states.at(-1)?.[1],
    /no annotation holdfast\.dev\/book-namespace\. To set it again, stop every guard.*kubectl delete lease holdfast-book/,
  )
  await t.rejects(write(), /no annotation/)
  await remove()
  await eventually(() => followed.state === 'here')
})

t.test('a door that may not read the anchor goes on, and says so', async (t) => {
  const { door, rights } = await cluster(t, ({ path }) => path.includes('longhorn-system'))
  const { followed, write, states, clock } = door('holdfast')
  await followed.whenKnown(signal)
  t.equal(followed.state, 'forbidden')
  t.match(states, [['forbidden', /not you/]])
  await write()
  rights.forbids = () => false
  while (followed.state !== 'here') {
    clock.advance(1_000)
    await turns(1)
  }
})

t.test('a door that may read but not create it writes nothing, and creates it once it may', async (t) => {
  const { door, rights, place } = await cluster(t, ({ method }) => method === 'POST')
  const { followed, clock, states, write } = door('holdfast')
  await eventually(() => states.length === 2)
  t.match(states, [
    ['unknown', /is gone/],
    ['unknown', /^There is no Lease holdfast-book .* is missing: .*not you/],
  ])
  await t.rejects(write(), /denies evictions, clean-ups/)
  rights.forbids = () => false
  await eventually(() => clock.pending > 0)
  clock.advance(10_000)
  await eventually(() => followed.state === 'here')
  t.equal(await readAnchor(place, signal), 'holdfast')
  await write()
})

t.test('a door that may not create the anchor finds out that another one has', async (t) => {
  const { door, place } = await cluster(t, ({ method }) => method === 'POST')
  const { followed, states } = door('holdfast')
  await eventually(() => states.length === 2)
  await makeAnchor(place, 'default', signal)
  await followed.whenKnown(signal)
  t.equal(followed.state, 'elsewhere')
})

t.test('a right that is taken away does not hide that the book is elsewhere', async (t) => {
  const server = await FakeApiServer.start()
  const annotations = { 'holdfast.dev/book-namespace': 'holdfast' }
  server.store.put(anchorCollection(longhornNamespace), { metadata: { name: 'holdfast-book', annotations } })
  const connection = connectTo(server.url)
  const clock = new FakeClock()
  const options = { connection, longhornNamespace, namespace: 'default', clock, onState: () => undefined }
  const followed = new FollowedAnchor(options)
  t.teardown(async () => {
    await followed.stop()
    connection.close()
    await server.down()
  })
  await followed.whenKnown(signal)
  await eventually(() => server.watches === 1)
  server.fail('any', { answer: 403 }, 1)
  server.endWatches()
  const refused = server.requests.length + 1
  await eventually(() => server.requests.length === refused && clock.pending > 0)
  await turns()
  t.equal(followed.state, 'elsewhere')
})
