import t from 'tap'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { LiveMap } from '../../src/kubernetes/live-map.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeApiServer } from './fake-api-server.ts'
import { untilHung } from '../fixtures/limits.ts'

const namespace = 'longhorn-system'

t.test('a command does not wait for a kind that cannot be listed', async (t) => {
  const server = await FakeApiServer.start()
  const connection = connectTo(server.url)
  t.teardown(async () => {
    connection.close()
    await server.down()
  })
  server.fail('list', { answer: 403 })
  await t.rejects(LiveMap.open(connection, namespace, untilHung()), { message: /403/ })
})

t.test('a watch that breaks while another kind is still listed does not end a command', async (t) => {
  const server = await FakeApiServer.start()
  const connection = connectTo(server.url)
  t.teardown(async () => {
    connection.close()
    await server.down()
  })
  server.fail('list', 'silent')
  const kinds: string[] = []
  const ending = new AbortController()
  const opened = LiveMap.open(connection, namespace, ending.signal, {
    onProblem: (problem) => kinds.push(problem.kind),
  })
  const ended = t.rejects(opened, new Error('enough'))
  await eventually(() => server.watches === 5)
  server.fail('watch', { answer: 500 }, 5)
  server.endWatches()
  await eventually(() => kinds.length === 5, 'each broken watch is a problem')
  ending.abort(new Error('enough'))
  await ended
})
