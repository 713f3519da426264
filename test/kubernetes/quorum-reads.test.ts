import t from 'tap'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { ApiReads } from '../../src/kubernetes/quorum-reads.ts'
import { replicaLabels } from '../../src/sandbox/controllers/objects.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'

const signal = new AbortController().signal

t.test('every read shows stored objects, each in one round trip', async (t) => {
  const options = { port: 0, release: 'v1.8.0', nodes: 2, images: 3, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  const connection = connectTo(sandbox.api.url)
  t.teardown(async () => {
    connection.close()
    await sandbox.stop()
  })
  const asked: string[] = []
  const counting = {
    ...connection,
    request: (request: Parameters<typeof connection.request>[0]) => {
      asked.push(`${request.method} ${request.path}`)
      t.notOk(request.query, 'no version and no limit is asked for')
      return connection.request(request)
    },
  }
  const reads = new ApiReads(counting, sandbox.namespace)
  const base = `/apis/longhorn.io/v1beta2/namespaces/${sandbox.namespace}`
  t.equal((await reads.images(signal)).length, 3)
  t.match(
    (await reads.nodes(signal)).map(({ metadata }) => metadata.name),
    ['node-1', 'node-2'],
  )
  t.equal((await reads.dataSources(signal)).length >= 0, true)
  t.match(await reads.node('node-1', signal), { kind: 'Node', metadata: { name: 'node-1' } })
  t.equal(await reads.node('node-9', signal), undefined)
  const [image] = await reads.images(signal)
  const name = image?.metadata.name ?? ''
  t.match(await reads.metadata('BackingImage', name, signal), { name, resourceVersion: /^\d+$/ })
  t.equal(await reads.metadata('BackingImage', 'none', signal), undefined)
  t.strictSame(asked, [
    `GET ${base}/backingimages`,
    `GET ${base}/nodes`,
    `GET ${base}/backingimagedatasources`,
    `GET ${base}/nodes/node-1`,
    `GET ${base}/nodes/node-9`,
    `GET ${base}/backingimages`,
    `GET ${base}/backingimages/${name}`,
    `GET ${base}/backingimages/none`,
  ])
  await jsonRequest(connection, {
    method: 'PATCH',
    path: `${base}/nodes/node-1`,
    headers: { 'content-type': 'application/merge-patch+json' },
    json: { spec: { tags: ['fresh'] } },
    signal,
  })
  t.strictSame((await reads.node('node-1', signal))?.spec.tags, ['fresh'])
})

t.test('a read returns only replicas that may use a copy on the disks in question', async (t) => {
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 2,
    images: 1,
    longhorn: {},
    report: () => undefined,
  })
  const connection = connectTo(sandbox.api.url)
  t.teardown(async () => {
    connection.close()
    await sandbox.stop()
  })
  const made = async (name: string, image: string, diskID: string, labels?: Record<string, string>) => {
    const metadata = { name, namespace: sandbox.namespace, ...(labels && { labels }) }
    const spec = { backingImage: image, diskID, volumeName: 'v', nodeID: 'node-1' }
    const object = { apiVersion: 'longhorn.io/v1beta2', kind: 'Replica', metadata, spec }
    await sandbox.client.create({ group: 'longhorn.io', version: 'v1beta2', plural: 'replicas' }, object)
  }
  await made('on-the-disk', 'debian', 'uuid-1', replicaLabels('debian', 'uuid-1'))
  await made('elsewhere', 'debian', 'uuid-2', replicaLabels('debian', 'uuid-2'))
  await made('of-another-image', 'fedora', 'uuid-1', replicaLabels('fedora', 'uuid-1'))
  await made('without-image', '', 'uuid-1', replicaLabels('', 'uuid-1'))
  await made('by-hand', 'debian', 'uuid-1')
  const reads = new ApiReads(connection, sandbox.namespace)
  const read = async (image: string, elsewhere: string[]) =>
    (await reads.replicas(image, elsewhere, signal)).map(({ metadata }) => metadata.name).toSorted()
  t.strictSame(await read('debian', ['uuid-2']), ['by-hand', 'on-the-disk'])
  t.strictSame(await read('debian', []), ['by-hand', 'elsewhere', 'on-the-disk'])
})

/** An API server that answers everything with this. */
function answering(status: number, json: unknown): Connection {
  const text = () => Promise.resolve(JSON.stringify(json))
  return {
    server: 'http://nowhere',
    namespace: undefined,
    inPod: false,
    request: () => Promise.resolve({ status, headers: {}, body: nothing(), text }),
    close: () => undefined,
  }
}

async function* nothing(): AsyncGenerator<Buffer, void> {
  await Promise.resolve()
  yield Buffer.of()
}

t.test('an unreadable object is an error that names the field, never an empty result', async (t) => {
  const node = { metadata: { name: 'n1' }, spec: { disks: 5 } }
  const reads = new ApiReads(answering(200, node), 'longhorn-system')
  await t.rejects(reads.node('n1', signal), /A Node cannot be read: spec\.disks must be object/)
  const lists = new ApiReads(answering(200, { items: [node] }), 'longhorn-system')
  await t.rejects(lists.nodes(signal), /A Node cannot be read/)
  const odd = new ApiReads(answering(200, { items: 5 }), 'longhorn-system')
  await t.rejects(odd.images(signal), /The list of .*backingimages is malformed/)
  t.strictSame(await new ApiReads(answering(200, { items: null }), 'longhorn-system').images(signal), [])
})

t.test('a failure is an error, and only a missing object is undefined', async (t) => {
  const reads = new ApiReads(answering(500, {}), 'longhorn-system')
  await t.rejects(reads.node('n1', signal), { code: 500 })
  await t.rejects(reads.nodes(signal), { code: 500 })
})
