import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { LeaseBook } from '../../src/kubernetes/leases/reservation-book.ts'
import { createLog } from '../../src/observability/log.ts'
import { Sandbox } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { systemClock } from '../../src/time/clock.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'

const signal = new AbortController().signal

/** A guard in front of a cluster, and its requests to the API server except lists and watches. */
async function guarded(t: Test) {
  const longhorn = { drainMs: 600_000 }
  const sandbox = await Sandbox.start({
    port: 0,
    release: 'v1.8.0',
    nodes: 3,
    images: 2,
    longhorn,
    report: () => undefined,
  })
  const client = connectTo(sandbox.api.url)
  const asked: string[] = []
  const connection: Connection = {
    ...client,
    request: (request) => {
      // No answer waits for an Event.
      const tidies = request.body?.includes('"holdfast.dev/reservations":"[]"') === true
      // No answer waits for the removal of old reservations either.
      if (request.query === undefined && !request.path.endsWith('/events') && !tidies)
        asked.push(`${request.method} ${request.path.split('/').slice(6).join('/')}`)
      return client.request(request)
    },
  }
  const tls = await certificateFor('localhost')
  const configuration = configure([
    { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' },
  ])
  const onProblem = (problem: Error) => t.fail(problem.message)
  const book = new LeaseBook({
    connection,
    namespace: 'default',
    replica: 'one',
    // As if it had been read a minute ago: what left an entry before that is in every map.
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() - 60_000 },
    onProblem,
  })
  const guard = new Guard(configuration, { connection, tls, book, log: createLog('silent', process.stderr) })
  t.teardown(async () => {
    await guard.stop()
    await book.stop()
    await sandbox.stop()
  })
  const { port } = await guard.start()
  await guard.whenSynced(signal)
  await eventually(() => book.synced)
  await sandbox.client.create(
    { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
    registration({ url: `https://127.0.0.1:${port}/validate`, authorityCert: tls.cert, timeoutSeconds: 10 }),
  )
  const path = `/apis/longhorn.io/v1beta2/namespaces/${sandbox.namespace}`
  const patch = async (object: string, spec: object, timeout = '60s'): Promise<string[]> => {
    asked.length = 0
    await jsonRequest(client, {
      method: 'PATCH',
      path: `${path}/${object}`,
      headers: { 'content-type': 'application/merge-patch+json' },
      query: { timeout },
      json: { spec },
      signal,
    }).catch(() => undefined)
    await eventually(() => [...book.entries()].every(({ reservations }) => reservations.length === 0))
    return [...asked]
  }
  return { sandbox, patch }
}

t.test(
  'an arming change costs at most two round trips to the API server, and most others none',
  async (t) => {
    const { sandbox, patch } = await guarded(t)
    const copy = sandbox.cluster.uuidOf('node-1/disk-1')
    const evicted = (evictionRequested: boolean) => ({
      disks: { 'disk-2': { allowScheduling: !evictionRequested, evictionRequested } },
    })
    t.strictSame(await patch('nodes/node-1', { tags: ['ssd'] }), [], 'nothing of concern')
    t.strictSame(await patch('nodes/node-1', evicted(true)), ['POST leases'], 'an eviction')
    t.strictSame(
      await patch('backingimages/ubuntu-22.04', { diskFileSpecMap: { [copy]: null } }, '1s'),
      [],
      'a hold',
    )
    t.strictSame(await patch('nodes/node-1', evicted(false)), [], 'the cure')
    t.strictSame(
      await patch('backingimages/ubuntu-22.04', { diskFileSpecMap: { [copy]: null } }),
      ['PUT leases/node.node-1', 'GET nodes/node-1'],
      'a clean-up',
    )
    t.strictSame(await patch('nodes/node-2', evicted(true)), ['POST leases'], 'an eviction elsewhere')
    t.strictSame(await patch('nodes/node-2', evicted(false)), [])
    t.strictSame(
      await patch('nodes/node-2', evicted(true)),
      ['PUT leases/node.node-2'],
      'an eviction on an entry with marks',
    )
    t.strictSame(await patch('backingimages/ubuntu-22.04', { diskFileSpecMap: null }), [], 'a refusal')
    // Nothing reserved is left, so what gives the reservation back counts as tidying.
    t.strictSame(
      await patch('nodes/node-1', evicted(true), '1s'),
      ['PUT leases/node.node-1'],
      'an eviction that waits for the clean-up, in vain',
    )
  },
)

t.test('an eviction of a disk of unknown UUID claims every disk that it may be', async (t) => {
  const { patch } = await guarded(t)
  const disks = { 'disk-9': { path: '/mnt/disk-9', diskType: 'filesystem', evictionRequested: true } }
  const asked = await patch('nodes/node-1', { disks })
  // The API server asks again if Longhorn has written the node meanwhile.
  const reviews = asked.filter((each) => each === 'GET nodes').length
  const reads = ['GET backingimagedatasources', 'GET backingimages', 'GET nodes']
  t.strictSame(
    asked.toSorted(),
    [
      ...reads.flatMap((each) => Array.from({ length: reviews }, () => each)),
      ...['POST leases', 'POST leases'],
      ...['PUT leases/node.node-1', 'PUT leases/unowned-disks'].flatMap((each) =>
        Array.from({ length: reviews - 1 }, () => each),
      ),
    ],
    'two Leases, the images, the data sources, all nodes',
  )
})
