import t from 'tap'
import { announcedReplicas, announceReplica } from '../../src/commands/guard/announced-address.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'

const signal = new AbortController().signal

t.test('the address of a guard outside a pod is found until it is taken back', async (t) => {
  const api = await ApiServer.start({})
  const connection = connectTo(api.url)
  t.teardown(async () => {
    connection.close()
    await api.stop()
  })
  const found = () => announcedReplicas(connection, 'holdfast', signal)
  t.strictSame(await found(), [])
  const one = { namespace: 'holdfast', replica: 'Laptop.local', operatorPort: 8081 }
  await announceReplica(connection, one, signal)
  const withdraw = await announceReplica(connection, one, signal)
  t.strictSame(await found(), ['http://127.0.0.1:8081'], 'one that was killed and starts again has one Lease')
  await announceReplica(connection, { ...one, operatorPort: 9091 }, signal)
  await withdraw()
  t.strictSame(await found(), ['http://127.0.0.1:9091'])
  await withdraw()
  t.strictSame(await announcedReplicas(connection, 'other', signal), [])
})

t.test('two names on one port are one guard: one of them was killed', async (t) => {
  const api = await ApiServer.start({})
  const connection = connectTo(api.url)
  t.teardown(async () => {
    connection.close()
    await api.stop()
  })
  for (const replica of ['killed', 'renamed'])
    await announceReplica(connection, { namespace: 'holdfast', replica, operatorPort: 8081 }, signal)
  t.strictSame(await announcedReplicas(connection, 'holdfast', signal), ['http://127.0.0.1:8081'])
})

t.test('an address by another writer counts only if it is on this machine', async (t) => {
  const api = await ApiServer.start({})
  const connection = connectTo(api.url)
  t.teardown(async () => {
    connection.close()
    await api.stop()
  })
  const client = api.client({ username: 'mallory', groups: [] })
  const addresses = [
    'http://10.0.0.1:80',
    'http://127.0.0.1:80@evil/',
    'https://127.0.0.1:80',
    'http://127.0.0.1:8080',
  ]
  for (const [index, address] of addresses.entries())
    await client.create(
      { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
      {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: {
          name: `l${index}`,
          namespace: 'holdfast',
          labels: { 'holdfast.dev/address': 'true' },
          annotations: { 'holdfast.dev/operator-address': address },
        },
      },
    )
  t.strictSame(await announcedReplicas(connection, 'holdfast', signal), ['http://127.0.0.1:8080'])
})
