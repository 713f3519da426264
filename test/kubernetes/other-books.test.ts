import t from 'tap'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { bookLabels } from '../../src/kubernetes/leases/lease-format.ts'
import { OtherBooks, otherBooks } from '../../src/kubernetes/leases/other-books.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { FakeApiServer } from './fake-api-server.ts'

const signal = new AbortController().signal

t.test('Leases of a book in other namespaces are found at the start and later', async (t) => {
  const api = await ApiServer.start()
  const connection = connectTo(api.url)
  const write = (namespace: string, labels: object) =>
    jsonRequest(connection, {
      method: 'POST',
      path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      json: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'node.n1', labels } },
      signal,
    })
  await write('holdfast', bookLabels)
  await write('longhorn-system', {})
  const clock = new FakeClock()
  const found: (readonly string[])[] = []
  const others = new OtherBooks({
    connection,
    namespace: 'holdfast',
    clock,
    onOthers: (namespaces) => void found.push(namespaces),
    onProblem: (error) => t.fail(String(error)),
  })
  t.teardown(async () => {
    await others.stop()
    connection.close()
    await api.stop()
  })
  await eventually(() => others.count === 0 && clock.pending === 1)
  t.strictSame(found, [], 'its own Leases and foreign Leases are not another book')
  await write('default', bookLabels)
  t.strictSame(await otherBooks(connection, 'holdfast', signal), ['default'])
  clock.advance(300_000)
  await eventually(() => others.count === 1)
  t.strictSame(found, [['default']])
})

t.test('a guard without the right to look reports that once, and counts nothing', async (t) => {
  const server = await FakeApiServer.start()
  server.fail('list', { answer: 403 }, 2)
  const connection = connectTo(server.url)
  const clock = new FakeClock()
  const problems: unknown[] = []
  const others = new OtherBooks({
    connection,
    namespace: 'holdfast',
    clock,
    onOthers: () => t.fail('nothing was found'),
    onProblem: (error) => void problems.push(error),
  })
  t.teardown(async () => {
    await others.stop()
    connection.close()
    await server.down()
  })
  await eventually(() => clock.pending === 1 && problems.length === 1)
  clock.advance(300_000)
  await eventually(() => server.requests.length === 2 && clock.pending === 1)
  t.equal(problems.length, 1)
  t.equal(others.count, undefined)
})
