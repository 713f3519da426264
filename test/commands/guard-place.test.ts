import t, { type Test } from 'tap'
import { guardPlace } from '../../src/commands/guard-place.ts'
import { makeAnchor } from '../../src/kubernetes/book-anchor.ts'
import { connectTo } from '../../src/kubernetes/connection.ts'
import { ApiServer } from '../../src/sandbox/api/api-server.ts'

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
  return { api, find, notes, place: { connection, longhornNamespace } }
}

t.test('a person’s command looks where the Leases of the guard are', async (t) => {
  const { find, place, notes } = await cluster(t)
  t.equal(await find(), 'holdfast', 'while no guard has started')
  await makeAnchor(place, 'storage', signal)
  t.equal(await find(), 'storage')
  t.equal(await find('storage'), 'storage')
  t.strictSame(notes, [])
})

t.test('it looks where the person says, and tells if the guard’s Leases are elsewhere', async (t) => {
  const { find, place, notes } = await cluster(t)
  await makeAnchor(place, 'storage', signal)
  t.equal(await find('team-a'), 'team-a')
  t.match(notes, [/in namespace storage, not in team-a: Lease holdfast-book in longhorn-system says so/])
})

t.test(
  'in a cluster that does not answer it looks in the default, and whoever asks next says why',
  async (t) => {
    const { find, api } = await cluster(t)
    await api.stop()
    t.equal(await find(), 'holdfast')
    t.equal(await find('team-a'), 'team-a')
  },
)
