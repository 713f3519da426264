import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import type { ApiRequest } from '../../src/kubernetes/client/exchange.ts'
import { makeAnchor, readAnchor } from '../../src/kubernetes/leases/book-anchor.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { agreeOnNamespace, guardNamespace } from '../../src/server/guard-namespace.ts'

const signal = new AbortController().signal
const longhornNamespace = 'longhorn-system'

/** An API server with some namespaces, and doors with different settings. */
async function cluster(t: Test, answers: (request: ApiRequest) => number | undefined = () => undefined) {
  const api = await ApiServer.start({ namespaces: ['holdfast', 'team-a', 'team-b', longhornNamespace] })
  const free = connectTo(api.url)
  t.teardown(async () => {
    free.close()
    await api.stop()
  })
  const connection = (namespace: string, inPod: boolean): Connection => ({
    ...free,
    namespace,
    inPod,
    request: async (request) => {
      const code = answers(request)
      const text = () => Promise.resolve(JSON.stringify({ kind: 'Status', code, message: 'not now' }))
      return code === undefined
        ? await free.request(request)
        : { status: code, headers: {}, body: nothing(), text }
    },
  })
  const agree = (setting: string | undefined, way: Connection) =>
    agreeOnNamespace(configure(setting === undefined ? [] : [{ namespace: setting }]), way, signal)
  return {
    place: { connection: free, longhornNamespace },
    /** Of a person who works in this namespace. */
    person: (context: string, setting?: string) => agree(setting, connection(context, false)),
    pod: (namespace: string, setting?: string) => agree(setting, connection(namespace, true)),
  }
}

async function* nothing(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.of())
}

const agreed = (namespace: string) => ({ namespace, doubt: undefined })
const toAnchor = ({ path }: ApiRequest) => path.includes(`${longhornNamespace}/leases`)

t.test('people with different namespaces agree on one that is not theirs', async (t) => {
  const { person, place } = await cluster(t)
  t.strictSame(await person('team-a'), agreed('holdfast'))
  t.strictSame(await person('team-b'), agreed('holdfast'))
  t.equal(await readAnchor(place, signal), 'holdfast')
})

t.test('a door without a configured namespace follows the doors before it', async (t) => {
  const { person, pod } = await cluster(t)
  t.strictSame(await pod('team-b'), agreed('team-b'))
  t.strictSame(await person('team-a'), agreed('team-b'))
})

t.test('a setting counts more than the pod', async (t) => {
  const { pod } = await cluster(t)
  t.strictSame(await pod('team-a', 'team-b'), agreed('team-b'))
})

t.test('a door with another configured namespace than the others is rejected', async (t) => {
  const { person, pod } = await cluster(t)
  await pod('holdfast')
  await t.rejects(person('holdfast', 'team-a'), /in namespace holdfast, not in team-a/)
  await t.rejects(pod('team-b'), /in namespace holdfast, not in team-b/)
})

t.test('one of two pods that start at the same moment with two namespaces is refused', async (t) => {
  const { pod } = await cluster(t)
  const outcomes = await Promise.allSettled([pod('team-a'), pod('team-b')])
  t.strictSame(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

t.test('a namespace that does not exist is rejected, and the anchor does not name it', async (t) => {
  const { person, place } = await cluster(t)
  await t.rejects(person('x', 'typo'), /no namespace typo .* kubectl create namespace typo/)
  t.equal(await readAnchor(place, signal), undefined)
  await makeAnchor(place, 'gone', signal)
  await t.rejects(person('x'), /no namespace gone .*, which Lease holdfast-book in longhorn-system names/)
  await t.rejects(
    person('x'),
    /\nTo use another namespace instead, stop every guard and proxy, and then: kubectl/,
  )
})

t.test('a configured namespace counts without the right to compare', async (t) => {
  const { person, pod } = await cluster(t, (request) => (toAnchor(request) ? 403 : undefined))
  t.match(await pod('holdfast'), { namespace: 'holdfast', doubt: /not now/ })
  t.match(await person('x', 'team-a'), { namespace: 'team-a', doubt: /not now/ })
  await t.rejects(person('x', 'typo'), /no namespace typo/)
})

t.test('a person without the right to compare gets an error instead of a guess', async (t) => {
  const { person } = await cluster(t, (request) => (toAnchor(request) ? 403 : undefined))
  await t.rejects(
    person('holdfast'),
    /cannot tell in which namespace .*not now\nName it with --namespace, or ask for the right to get and create Lease/,
  )
})

t.test('a door that may read but not create the anchor follows it', async (t) => {
  const { person, place } = await cluster(t, (request) => (request.method === 'POST' ? 403 : undefined))
  await makeAnchor(place, 'team-b', signal)
  t.strictSame(await person('team-a'), agreed('team-b'))
})

t.test(
  'a person gets an error, and a pod waits, without the anchor and the right to create it',
  async (t) => {
    const { person, pod } = await cluster(t, (request) => (request.method === 'POST' ? 403 : undefined))
    const why =
      /^There is no Lease holdfast-book in longhorn-system, .* is missing: .*not now\nUntil it exists, Holdfast denies evictions/
    await t.rejects(person('team-a'), { name: 'NoCommonNamespace', message: why })
    await t.rejects(person('team-a', 'holdfast'), { name: 'NoCommonNamespace', message: why })
    t.match(await pod('holdfast'), { namespace: 'holdfast', doubt: why })
  },
)

t.test('a door without the right to read namespaces starts', async (t) => {
  const { person } = await cluster(t, ({ path }) =>
    path.startsWith('/api/v1/namespaces/') ? 403 : undefined,
  )
  t.strictSame(await person('team-a'), agreed('holdfast'))
})

t.test('while the API server does not answer, a configured namespace counts', async (t) => {
  const { pod, person } = await cluster(t, () => 503)
  t.match(await pod('holdfast'), { namespace: 'holdfast', doubt: /not now/ })
  await t.rejects(person('holdfast'), /cannot tell .*or start again once the API server answers/s)
})

t.test('the context of a kubeconfig never decides', (t) => {
  const { context, namespace } = { context: connectTo('http://x', { namespace: 'team-a' }), namespace: 'b' }
  t.equal(guardNamespace({ namespace: undefined }, context), 'holdfast')
  t.equal(guardNamespace({ namespace: undefined }, { ...context, inPod: true }), 'team-a')
  t.equal(guardNamespace({ namespace }, { ...context, inPod: true }), 'b')
  t.end()
})
