import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type Connection, connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { bounded } from '../../src/time/clock.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { eventually } from '../fixtures/eventually.ts'
import { FakeClock } from '../fixtures/fake-clock.ts'
import { echoServer } from './echo-server.ts'
import { FakeApiServer, type Fault } from './fake-api-server.ts'

const { signal } = new AbortController()

/** A connection to a fake server that does one thing wrong. */
async function connected(t: Test, fault?: Fault) {
  const server = await FakeApiServer.start()
  if (fault) server.fail('any', fault)
  const clock = new FakeClock()
  const connection = connectTo(server.url, { clock })
  t.teardown(async () => {
    connection.close()
    await server.down()
  })
  return { server, clock, connection }
}

async function get(connection: Connection, path = '/things') {
  return await jsonRequest(connection, { method: 'GET', path, signal })
}

t.test('a request', (t) => {
  t.test('puts the path of the server before its own, and encodes the query', async (t) => {
    const { url } = await echoServer(t)
    const connection = connectTo(`${url}/k8s/clusters/c-1/`, { namespace: 'here' })
    t.teardown(() => connection.close())
    const query = { limit: 500, watch: true, labelSelector: 'a=b,c' }
    t.match(await jsonRequest(connection, { method: 'GET', path: '/api/v1/pods', query, signal }), {
      url: '/k8s/clusters/c-1/api/v1/pods?limit=500&watch=true&labelSelector=a%3Db%2Cc',
      headers: { accept: 'application/json', 'user-agent': 'holdfast' },
    })
    t.equal(connection.server, `${url}/k8s/clusters/c-1`)
    t.equal(connection.namespace, 'here')
  })

  t.test('carries JSON, under another content type if one is named', async (t) => {
    const { url } = await echoServer(t)
    const connection = connectTo(url)
    t.teardown(() => connection.close())
    const patch = { method: 'PATCH', path: '/x', json: { größe: 1 }, signal } as const
    t.match(await jsonRequest(connection, patch), {
      body: '{"größe":1}',
      headers: { 'content-type': 'application/json' },
    })
    const headers = { 'content-type': 'application/merge-patch+json' }
    t.match(await jsonRequest(connection, { ...patch, headers }), { headers })
  })

  t.test('to delete can carry a body too', async (t) => {
    const { url } = await echoServer(t)
    const connection = connectTo(url)
    t.teardown(() => connection.close())
    const json = { kind: 'DeleteOptions' }
    t.match(await jsonRequest(connection, { method: 'DELETE', path: '/things/a', json, signal }), {
      method: 'DELETE',
      body: JSON.stringify(json),
    })
  })

  t.test('uses the connection of the one before', async (t) => {
    const { server, connection } = await connected(t)
    await get(connection)
    await get(connection)
    t.equal(await server.connections(), 1)
  })

  t.test(
    'is sent once more when the connection kept alive was closed meanwhile, if it only reads',
    async (t) => {
      const { server, connection } = await connected(t)
      await get(connection)
      server.fail('any', 'reset')
      await get(connection)
      t.equal(server.requests.length, 3)
      server.fail('any', 'reset')
      const post = jsonRequest(connection, { method: 'POST', path: '/things', json: {}, signal })
      await t.rejects(post, { name: 'ConnectionFailure', message: /Cannot reach/ })
      t.equal(server.requests.length, 4, 'a write is not sent again, since the server may have done it')
    },
  )
  t.end()
})

t.test('no answer', (t) => {
  t.test('a server that cannot be reached is named', async (t) => {
    const { server, connection } = await connected(t)
    await server.down()
    await t.rejects(get(connection), {
      name: 'ConnectionFailure',
      kind: 'unreachable',
      message: new RegExp(`Cannot reach the API server at ${server.url}: .*ECONNREFUSED.*Check the address`),
      cause: { code: 'ECONNREFUSED' },
    })
    await server.up()
  })

  t.test('the error names the certificate of the server if it is not trusted', async (t) => {
    const { url } = await echoServer(t, await certificateFor())
    const connection = connectTo(url)
    t.teardown(() => connection.close())
    await t.rejects(get(connection), {
      kind: 'unreachable',
      message: /not trusted: check certificate-authority/,
    })
  })

  t.test('no headers in time', async (t) => {
    const { server, connection, clock } = await connected(t, 'silent')
    const answer = t.rejects(get(connection), {
      kind: 'timed-out',
      message: /did not answer GET \/things within 30 s/,
    })
    await eventually(() => server.stuck === 1)
    clock.advance(30_000)
    await answer
    t.equal(clock.pending, 0)
  })

  t.test('a body that does not end in time, though it is never silent for long', async (t) => {
    const server = createServer((_, response) => void response.writeHead(200).write('{'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const clock = new FakeClock()
    const connection = connectTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { clock })
    t.teardown(() => connection.close())
    const answer = await connection.request({ method: 'GET', path: '/', signal, idleTimeoutMs: 600_000 })
    const text = t.rejects(answer.text(), { kind: 'timed-out', message: /did not end GET \/ within 120 s/ })
    clock.advance(120_000)
    await text
  })

  t.test('a body that is larger than any answer is read no further', async (t) => {
    const server = createServer((_, response) => {
      const send = (): void => void response.write('x'.repeat(1_000), (error) => error ?? setImmediate(send))
      send()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const connection = connectTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    t.teardown(() => connection.close())
    const answer = await connection.request({ method: 'GET', path: '/', signal, mostBytes: 100_000 })
    await t.rejects(answer.text(), { kind: 'cut', message: /answered GET \/ with more than 100000 bytes/ })
  })

  t.test('a body that is lost in the middle', async (t) => {
    const { connection } = await connected(t, 'cut')
    await t.rejects(get(connection), { kind: 'cut', message: /was lost during GET \/things/ })
  })

  t.test('work that cannot be cancelled, as of an exec plugin, is waited for in measure', async (t) => {
    const clock = new FakeClock()
    const never = new Promise<string>(() => undefined)
    const limits = { clock, ms: 30_000, signal, late: () => new Error('too late') }
    const waiting = t.rejects(bounded(never, limits), new Error('too late'))
    clock.advance(30_000)
    await waiting
    await t.rejects(
      bounded(never, { ...limits, signal: AbortSignal.abort(new Error('enough')) }),
      new Error('enough'),
    )
    t.equal(await bounded(Promise.resolve('done'), limits), 'done')
    await t.rejects(bounded(Promise.reject(new Error('failed')), limits), new Error('failed'))
  })

  t.test('abort ends a request that waits, one that reads, and one that has not begun', async (t) => {
    const { server, connection, clock } = await connected(t, 'silent')
    const reason = new Error('enough')
    const ending = new AbortController()
    const request = { method: 'GET', path: '/things', signal: ending.signal } as const
    const waiting = t.rejects(jsonRequest(connection, request), reason)
    await eventually(() => server.stuck === 1)
    server.fail('any', 'half-open')
    const answer = await connection.request(request)
    const reading = t.rejects(answer.text(), reason)
    ending.abort(reason)
    await Promise.all([waiting, reading])
    await t.rejects(connection.request(request), reason)
    t.equal(clock.pending, 0)
  })
  t.end()
})

t.test('an answer of failure', (t) => {
  t.test('is an ApiFailure with the fields of the Status', async (t) => {
    const { connection } = await connected(t, { answer: 429, retryAfter: 3, cause: 'TooBusy' })
    await t.rejects(get(connection), {
      name: 'ApiFailure',
      code: 429,
      reason: 'Reason429',
      message: 'The API server answered 429 Too Many Requests to GET /things: said with 429',
      retryAfterSeconds: 3,
      causes: ['TooBusy'],
    })
  })

  t.test('in plain text, as of an unknown path, has the code and the text', async (t) => {
    const { connection } = await connected(t, { answer: 404, text: '404 page not found\n' })
    await t.rejects(get(connection), {
      code: 404,
      reason: '',
      message: /to GET \/things: 404 page not found$/,
    })
  })

  t.test('a success that is not JSON is an error with its beginning', async (t) => {
    const { connection } = await connected(t, { answer: 200, text: '<html>sign in</html>' })
    await t.rejects(get(connection), {
      name: 'MalformedAnswer',
      message: /not valid JSON: <html>sign in<\/html>\. A login page .*Check the server/,
    })
  })

  t.test('is not thrown by the bare request', async (t) => {
    const { connection } = await connected(t, { answer: 503, text: 'later' })
    const answer = await connection.request({ method: 'GET', path: '/things', signal })
    t.equal(answer.status, 503)
    t.equal(await answer.text(), 'later')
  })
  t.end()
})
