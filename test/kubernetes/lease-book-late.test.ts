import t, { type Test } from 'tap'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { LeaseBook } from '../../src/kubernetes/leases/reservation-book.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { systemClock } from '../../src/time/clock.ts'
import { eventually } from '../fixtures/eventually.ts'
import { reservation } from '../gate/reservation-book-contract.ts'

const signal = new AbortController().signal
const fresh = { key: 'n1', version: undefined, reservations: [] }
const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/node.n1'

/** A book whose answers come late: those to reads of one Lease, or what is watched, from when a test says so. */
async function late(t: Test) {
  const options = { port: 0, release: 'v1.8.0', nodes: 2, images: 1, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  const connection = connectTo(sandbox.api.url)
  const held = { reads: Promise.resolve(), watches: Promise.resolve() }
  const asked: string[] = []
  const through: Connection = {
    ...connection,
    request: async (request) => {
      const response = await connection.request(request)
      asked.push(`${request.method} ${request.path}`)
      if (request.method === 'GET' && request.path === path) await held.reads
      if (!request.query?.watch) return response
      return { ...response, body: whenLetGo(response.body), text: () => response.text() }
    },
  }
  async function* whenLetGo(body: AsyncIterable<Buffer>) {
    for await (const bytes of body) {
      await held.watches
      yield bytes
    }
  }
  const open = (by: Connection) =>
    new LeaseBook({
      connection: by,
      namespace: 'default',
      replica: 'one',
      clock: systemClock,
      onProblem: () => undefined,
    })
  const [book, other] = [open(through), open(connection)]
  t.teardown(async () => {
    await Promise.all([book.stop(), other.stop()])
    connection.close()
    await sandbox.stop()
  })
  await eventually(() => book.synced && other.synced)
  return { book, other, connection, held, asked }
}

for (const who of ['this process', 'another one']) {
  t.test(`a late answer that an entry is missing hides no later write of ${who}`, async (t) => {
    const { book, other, held, asked } = await late(t)
    let answer: () => void = () => undefined
    held.reads = new Promise((resolve) => (answer = resolve))
    const read = book.read('n1', signal)
    await eventually(() => asked.includes(`GET ${path}`))
    const writer = who === 'this process' ? book : other
    t.ok(await writer.swap(fresh, { reservations: [reservation('a')] }, signal))
    await eventually(() => book.seen('n1')?.version !== undefined)
    answer()
    t.match(await read, { version: undefined }, 'the read returns the state at the time of the request')
    t.match(book.seen('n1')?.reservations, [{ stamp: 'a' }])
  })
}

t.test('the late news that an unreadable Lease is gone hides no later write either', async (t) => {
  const { book, connection, held } = await late(t)
  t.ok(await book.swap(fresh, { reservations: [reservation('a')] }, signal))
  await jsonRequest(connection, {
    method: 'PATCH',
    path,
    headers: { 'content-type': 'application/merge-patch+json' },
    json: { metadata: { annotations: null } },
    signal,
  })
  await eventually(() => book.seen('n1') === undefined)
  let goOn: () => void = () => undefined
  held.watches = new Promise((resolve) => (goOn = resolve))
  await jsonRequest(connection, { method: 'DELETE', path, signal })
  const entry = await book.swap(await book.read('n1', signal), { reservations: [reservation('b')] }, signal)
  if (!entry) throw new Error('nobody was in the way')
  goOn()
  await eventually(() => book.markedSince(entry) !== undefined)
  t.match(book.seen('n1')?.reservations, [{ stamp: 'b' }])
})
