import t, { type Test } from 'tap'
import { Lifetimes, unownedDisks } from '../../src/gate/reservation-book.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { leaseName } from '../../src/kubernetes/leases/lease-format.ts'
import { LeaseBook } from '../../src/kubernetes/leases/reservation-book.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { type Clock, systemClock } from '../../src/time/clock.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { bookContract, reservation } from '../gate/reservation-book-contract.ts'

const signal = new AbortController().signal
const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases'

/** An API server, and as many books in it as replicas. */
async function cluster(t: Test) {
  const options = { port: 0, release: 'v1.8.0', nodes: 2, images: 1, longhorn: {}, report: () => undefined }
  const sandbox = await Sandbox.start(options)
  const connection = connectTo(sandbox.api.url)
  const books: LeaseBook[] = []
  t.teardown(async () => {
    await Promise.all(books.map((book) => book.stop()))
    connection.close()
    await sandbox.stop()
  })
  const problems: Error[] = []
  const open = async (
    replica: string,
    through = connection,
    clock: Clock = systemClock,
  ): Promise<LeaseBook> => {
    const onProblem = (problem: Error) => void problems.push(problem)
    const book = new LeaseBook({
      connection: through,
      namespace: 'default',
      replica,
      clock,
      onProblem,
    })
    books.push(book)
    await eventually(() => book.synced)
    return book
  }
  return { sandbox, connection, open, problems }
}

t.test('Leases keep the contract of the book', (t) => {
  bookContract(t, async (t) => {
    const { open } = await cluster(t)
    return [await open('holdfast-0'), await open('holdfast-1')]
  })
  t.end()
})

t.test('a person can read it', async (t) => {
  const { open, connection } = await cluster(t)
  const book = await open('holdfast-0')
  const entry = await book.read('node-1', signal)
  await book.swap(entry, { reservations: [reservation('holdfast-0/1'), reservation('holdfast-0/2')] }, signal)
  const lease = await jsonRequest(connection, { method: 'GET', path: `${leases}/node.node-1`, signal })
  t.match(lease, {
    metadata: {
      labels: { 'holdfast.dev/reservations': 'true' },
      annotations: { 'holdfast.dev/page': 'node-1' },
    },
    spec: { holderIdentity: 'holdfast-0', renewTime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/ },
  })
  t.match(
    JSON.stringify(lease),
    '"holdfast.dev/reservations":"[{\\"kind\\":\\"BackingImage\\",\\"name\\":\\"ubuntu-22.04\\"',
  )
  t.match(JSON.stringify(lease), '\\"deadline\\":\\"2026-11-23T12:01:10.123Z\\"')
  t.match(JSON.stringify(lease), '},\\n {')
})

t.test('node names that are too long for a Lease still get one', async (t) => {
  const long = `${'a'.repeat(62)}.`.repeat(4).slice(0, 253)
  t.match(leaseName(long), /^node\.[0-9a-f]{64}$/)
  t.equal(leaseName('node-1'), 'node.node-1')
  t.equal(leaseName(unownedDisks), 'unowned-disks')
  const { open } = await cluster(t)
  const [book, other] = [await open('one'), await open('two')]
  t.ok(await book.swap(await book.read(long, signal), { reservations: [reservation('a')] }, signal))
  await eventually(() => other.seen(long)?.version !== undefined)
})

t.test('a Lease that was edited by hand is reported, and not taken for an empty entry', async (t) => {
  const { open, connection, problems } = await cluster(t)
  const book = await open('one')
  const entry = await book.swap(await book.read('n1', signal), { reservations: [reservation('a')] }, signal)
  const atNoTime = JSON.stringify([{ ...reservation('a'), deadline: '2026-02-45T25:00:00Z' }])
  for (const annotations of [
    { 'holdfast.dev/reservations': 'nothing', 'holdfast.dev/page': 'n1' },
    { 'holdfast.dev/reservations': '[{"kind":"Pod"}]', 'holdfast.dev/page': 'n1' },
    { 'holdfast.dev/reservations': atNoTime, 'holdfast.dev/page': 'n1' },
    null,
  ]) {
    await jsonRequest(connection, {
      method: 'PATCH',
      path: `${leases}/node.n1`,
      headers: { 'content-type': 'application/merge-patch+json' },
      json: { metadata: { annotations } },
      signal,
    })
    await eventually(() => book.seen('n1') === undefined)
    await t.rejects(book.read('n1', signal), /Lease node\.n1 is not what Holdfast wrote .* Delete it once/)
  }
  t.match(problems[0]?.message, 'Lease node.n1')
  if (entry) t.equal(await book.swap(entry, { reservations: [reservation('b')] }, signal), undefined)
  await jsonRequest(connection, { method: 'DELETE', path: `${leases}/node.n1`, signal })
  await eventually(() => book.seen('n1')?.version === undefined && book.seen('n1') !== undefined)
})

t.test('Leases of others are left alone', async (t) => {
  const { open, connection, problems } = await cluster(t)
  const metadata = { name: 'leader-election', namespace: 'default' }
  await jsonRequest(connection, {
    method: 'POST',
    path: leases,
    json: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: { holderIdentity: 'x' } },
    signal,
  })
  const book = await open('one')
  t.strictSame([...book.entries()], [])
  t.strictSame(problems, [])
})

t.test('without an API server nothing is known and nothing is done', async (t) => {
  const { open, sandbox, connection } = await cluster(t)
  const book = await open('one')
  const entry = await book.read('n1', signal)
  await sandbox.stop()
  connection.close()
  await t.rejects(book.read('n1', signal))
  await t.rejects(book.swap(entry, { reservations: [reservation('a')] }, signal))
  t.equal(await book.swap(entry, { reservations: [] }, signal), entry, 'an unchanged entry needs no request')
  const fresh = new LeaseBook({
    connection,
    namespace: 'default',
    replica: 'two',
    clock: systemClock,
    onProblem: () => undefined,
  })
  t.equal(fresh.seen('n1'), undefined)
  await fresh.stop()
})

/** The same connection, on which watches say nothing until they are let go on. */
function silentWatches(connection: Connection): { through: Connection; goOn: () => void } {
  let goOn: () => void = () => undefined
  const going = new Promise<void>((resolve) => (goOn = resolve))
  const later = async function* (body: AsyncIterable<Buffer>) {
    for await (const bytes of body) {
      await going
      yield bytes
    }
  }
  const through: Connection = {
    server: connection.server,
    namespace: connection.namespace,
    inPod: connection.inPod,
    close: () => connection.close(),
    request: async (request) => {
      const response = await connection.request(request)
      if (!request.query?.watch) return response
      return { ...response, body: later(response.body), text: () => response.text() }
    },
  }
  return { through, goOn }
}

/** A book that does not hear of another's writes, and both have written on n1. */
async function behind(t: Test) {
  const { open, connection } = await cluster(t)
  const { through, goOn } = silentWatches(connection)
  const [book, other] = [await open('one', through), await open('two')]
  const first = await book.swap(await book.read('n1', signal), { reservations: [reservation('a')] }, signal)
  if (!first) throw new Error('nobody was in the way')
  t.teardown(goOn)
  return { book, other, first, goOn }
}

t.test('an entry that another writer has changed is unknown until it is read', async (t) => {
  const { book, other, first } = await behind(t)
  const [clock, changed] = [new FakeClock(), new Array<string>()]
  const lifetimes = new Lifetimes(book, clock)
  t.teardown(() => lifetimes.stop())
  const end = lifetimes.endOf('n1', reservation('a'))
  clock.advance(1_000)
  book.subscribe((key) => changed.push(key))
  t.ok(await other.swap(first, { reservations: [reservation('a'), reservation('b')] }, signal))
  for (const contents of [{ reservations: [reservation('c')] }, { reservations: [] }]) {
    t.equal(await book.swap(first, contents, signal), undefined)
    t.equal(book.seen('n1'), undefined)
    t.strictSame(changed, [], 'a lost swap reports no change of the entry')
  }
  await book.read('n1', signal)
  t.match(book.seen('n1')?.reservations, [{ stamp: 'a' }, { stamp: 'b' }])
  t.strictSame(changed, ['n1'])
  t.equal(lifetimes.endOf('n1', reservation('a')), end, 'the lifetime counts from the first sight')
})

t.test('an entry that another writer has changed is known once the watch has brought it', async (t) => {
  const { book, other, first, goOn } = await behind(t)
  t.ok(await other.swap(first, { reservations: [reservation('b')] }, signal))
  t.equal(await book.swap(first, { reservations: [] }, signal), undefined)
  t.equal(book.seen('n1'), undefined)
  goOn()
  await eventually(() => book.seen('n1') !== undefined)
  t.match(book.seen('n1')?.reservations, [{ stamp: 'b' }])
})

t.test(
  'an entry that somebody else was quicker to make or to remove is not known until it is read',
  async (t) => {
    const { book, other, first } = await behind(t)
    const fresh = await book.read('n2', signal)
    t.ok(await other.swap(fresh, { reservations: [reservation('b')] }, signal))
    t.equal(await book.swap(fresh, { reservations: [reservation('c')] }, signal), undefined)
    t.equal(book.seen('n2'), undefined)
    t.ok(await other.swap(first, { reservations: [] }, signal))
    t.equal(await book.swap(first, { reservations: [reservation('c')] }, signal), undefined)
    t.equal(book.seen('n1'), undefined)
    const changed: string[] = []
    book.subscribe((key) => changed.push(key))
    await book.read('n1', signal)
    t.match(book.seen('n1'), { version: undefined, reservations: [] })
    t.strictSame(changed, ['n1'], 'the book reports that the entry is empty')
  },
)

t.test(
  'since when an entry has had marks is remembered by itself for a minute, and for all before that',
  async (t) => {
    const { open, connection } = await cluster(t)
    const clock = new FakeClock()
    const [book, other] = [await open('one', connection, clock), await open('two')]
    const since = (key: string) => book.markedSince({ key, version: undefined, reservations: [] })
    const started = clock.monotonic()
    const make = async (key: string) => {
      const fresh = await other.read(key, signal)
      const entry = await other.swap(fresh, { reservations: [reservation('a')] }, signal)
      if (!entry) throw new Error('nobody was in the way')
      await eventually(() => book.seen(key)?.version !== undefined)
    }
    clock.advance(1_000)
    await make('n1')
    t.strictSame(
      ['n1', 'n2'].map((key) => since(key)),
      [started + 1_000, started],
    )
    clock.advance(60_001)
    await make('n2')
    t.strictSame(
      ['n1', 'n2', 'n3'].map((key) => since(key)),
      [started + 1_000, started + 61_001, started + 1_000],
    )
  },
)

t.test('a Lease that could not be read takes the marks of its entry with it', async (t) => {
  const { open, connection } = await cluster(t)
  const clock = new FakeClock()
  const book = await open('one', connection, clock)
  const fresh = await book.read('n1', signal)
  t.ok(await book.swap(fresh, { reservations: [], marks: { BackingImage: '12' } }, signal))
  clock.advance(1_000)
  await jsonRequest(connection, {
    method: 'PATCH',
    path: `${leases}/node.n1`,
    headers: { 'content-type': 'application/merge-patch+json' },
    json: { metadata: { annotations: null } },
    signal,
  })
  await eventually(() => book.seen('n1') === undefined)
  clock.advance(1_000)
  await jsonRequest(connection, { method: 'DELETE', path: `${leases}/node.n1`, signal })
  await eventually(() => book.seen('n1') !== undefined)
  t.match(book.seen('n1'), { version: undefined, reservations: [] })
  t.equal(book.markedSince(fresh), clock.monotonic())
})
