import t, { type Test } from 'tap'
import { guardPlace, lookForGuard } from '../../src/commands/guard/guard-place.ts'
import { configure } from '../../src/configuration/configuration.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { makeAnchor } from '../../src/kubernetes/leases/book-anchor.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { agreeOnNamespace } from '../../src/server/guard-namespace.ts'
import { FakeApiServer } from '../kubernetes/fake-api-server.ts'

const signal = new AbortController().signal
const longhornNamespace = 'longhorn-system'

async function cluster(t: Test) {
  const api = await ApiServer.start()
  const connection = connectTo(api.url)
  t.teardown(async () => {
    connection.close()
    await api.stop()
  })
  const notes: string[] = []
  const note = (text: string) => void notes.push(text)
  const find = (namespace?: string) =>
    guardPlace(
      connection,
      { longhornNamespace, ...(namespace !== undefined && { namespace }) },
      { signal, note },
    )
  const look = () => lookForGuard(connection, { longhornNamespace }, { signal, note })
  return { api, find, look, notes, place: { connection, longhornNamespace } }
}

t.test('a person’s command looks where the Leases of the guard are', async (t) => {
  const { find, place, notes } = await cluster(t)
  t.equal(await find(), 'holdfast', 'while no guard has started')
  await makeAnchor(place, 'storage', signal)
  t.equal(await find(), 'storage')
  t.equal(await find('storage'), 'storage')
  t.strictSame(notes, [])
})

t.test('it looks in the given namespace, and names another one that has the guard’s Leases', async (t) => {
  const { find, place, notes } = await cluster(t)
  await makeAnchor(place, 'storage', signal)
  t.equal(await find('team-a'), 'team-a')
  t.match(notes, [/in namespace storage, not in team-a: Lease holdfast-book in longhorn-system says so/])
})

t.test('a guard’s place that cannot be read is an error, and no command guesses it', async (t) => {
  const { find, look, api, notes } = await cluster(t)
  await api.stop()
  await t.rejects(find(), {
    name: 'CannotRun',
    message:
      /^cannot tell in which namespace the guard of this cluster runs: Cannot reach .*\nName it with --namespace, or try again/,
  })
  t.match(await look(), { namespace: 'holdfast', doubt: /Cannot reach the API server/ })
  t.strictSame(notes, [])
  t.equal(await find('team-a'), 'team-a', 'a given name is used')
  t.match(notes, [
    /Whether the Leases of the guard are in namespace team-a could not be looked up: Cannot reach/,
  ])
})

t.test('a person who may not read the guard’s place learns which right is missing', async (t) => {
  const server = await FakeApiServer.start()
  const connection = connectTo(server.url)
  t.teardown(async () => {
    connection.close()
    await server.down()
  })
  server.fail('any', { answer: 403 })
  await t.rejects(guardPlace(connection, { longhornNamespace }, { signal }), {
    message:
      /answered 403 .*\nName it with --namespace, or ask for the right to get Lease holdfast-book in longhorn-system/,
  })
})

t.test('a sign-in takes as long as it takes: no limit of an answer counts it', async (t) => {
  const { place } = await cluster(t)
  await makeAnchor(place, 'storage', signal)
  const signals: AbortSignal[] = []
  const watched: Connection = {
    ...place.connection,
    request: (request) => {
      signals.push(request.signal)
      return place.connection.request(request)
    },
  }
  t.equal(await guardPlace(watched, { longhornNamespace }, { signal }), 'storage')
  await t.rejects(agreeOnNamespace(configure([{ namespace: 'x' }]), watched, signal), /in namespace storage/)
  t.ok(signals.length >= 2)
  for (const each of signals)
    t.equal(each, signal, 'it ends the sign-in too, so it must be the command’s own')
})
