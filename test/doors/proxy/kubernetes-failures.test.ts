import type http from 'node:http'
import t from 'tap'
import type { Decide } from '../../../src/gate/ports.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { emptied, node, path, beforeApi as proxied, resultsOn, written } from './before-api.ts'

const apply = 'application/apply-patch+yaml'

t.test(
  'a server-side apply is judged again if its object has changed by the time it is reserved',
  async (t) => {
    const versions = ['1', '2', '2', '2']
    const read = () => Promise.resolve(node(versions.shift() ?? '2'))
    const { patch, committed, decided, reserved } = await proxied(t, resultsOn('1', '2', '2', '2'), { read })
    t.match(await patch(apply), { status: 200, body: { done: true } })
    t.strictSame(
      decided.map(({ before }) => before?.metadata.resourceVersion),
      ['1', '2'],
    )
    t.strictSame(committed(), [`PATCH ${path}`])
    t.equal(reserved(), 0)
  },
)

t.test(
  'a result that cannot be read is denied, on record, and passes where nothing is enforced',
  async (t) => {
    const odd: http.RequestListener = (_, response) =>
      response.end('{"metadata":{"name":"n1"},"spec":{"disks":3}}')
    const read = () => Promise.resolve(node('1'))
    const enforced = await proxied(t, odd, { read })
    t.match(await enforced.patch(apply), {
      status: 403,
      body: { kind: 'Status', message: /cannot tell whether this write to Node n1 is safe: .*disks/ },
    })
    t.match(enforced.denied, [
      {
        kind: 'Node',
        name: 'n1',
        operation: 'UPDATE',
        why: 'unreadable',
        request: { actor: { username: 'ann' } },
      },
    ])
    t.strictSame(enforced.committed(), [])
    const watching = await proxied(t, odd, { read, enforces: false })
    t.equal((await watching.patch(apply)).status, 200)
    t.strictSame(watching.denied, [])
    const garbled = await proxied(t, (_, response) => response.end('<html>'), { read })
    t.equal((await garbled.patch(apply)).status, 403)
  },
)

t.test('a dry run whose answer is cut off is a 502, and nothing is written', async (t) => {
  const cut: http.RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{', () => response.destroy())
  }
  const { patch, committed } = await proxied(t, cut, { read: () => Promise.resolve(node('1')) })
  t.match(await patch(apply), { status: 502, body: { message: /answer cannot be read: .* broke off/ } })
  t.strictSame(committed(), [])
})

t.test(
  'a write that clears flags passes even if the node cannot be read; others are denied on record',
  async (t) => {
    const read = () => Promise.reject(new Error('no answer'))
    const known = () => node('1', emptied)
    const cleared: http.RequestListener = (_, response) => response.end(JSON.stringify(written('2')))
    const cure = await proxied(t, cleared, { read, known })
    t.match(await cure.patch('application/merge-patch+json'), { status: 200, body: { done: true } })
    const raised = await proxied(t, resultsOn('2'), { read, known: () => node('1') })
    t.match(await raised.patch('application/merge-patch+json'), {
      status: 503,
      body: { message: /no answer/ },
    })
    t.match(raised.denied, [{ why: 'undecided' }])
    t.strictSame(raised.committed(), [])
  },
)

const merge = 'application/merge-patch+json'
const quiet = { read: () => Promise.resolve(node('1')) }

t.test('a write whose dry run fails once and then passes is written', async (t) => {
  let tries = 0
  const failsOnce: http.RequestListener = (_, response) => {
    tries += 1
    if (tries === 1) response.writeHead(503).end('{"kind":"Status"}')
    else response.end(JSON.stringify(written('1', emptied)))
  }
  const { patch, committed } = await proxied(t, failsOnce, quiet)
  t.match(await patch(merge), { status: 200, body: { done: true } })
  t.equal(committed().length, 1)
})

t.test('a decision may take its time', async (t) => {
  const real = performance.now.bind(performance)
  let taken = 0
  t.intercept(performance, 'now', { value: () => real() + taken })
  const slow: Decide = () => {
    taken += 10 * 60_000
    const verdict = { decision: 'allow', warnings: [] } as const
    return Promise.resolve({
      verdict,
      answer: { allowed: true, warnings: [] },
      release: () => Promise.resolve(),
    })
  }
  const { patch, committed, asked } = await proxied(t, resultsOn('1', '1', '1'), { ...quiet, decide: slow })
  t.match(await patch(merge), { status: 200, body: { done: true } })
  t.equal(committed().length, 1)
  t.equal(asked.length, 2)
})

t.test('a create is a create, whatever its path names', async (t) => {
  const { url, decided } = await proxied(t, resultsOn(''), quiet)
  const answer = await fetch(url + path, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  t.equal(answer.status, 200)
  t.match(decided, [{ operation: 'CREATE', before: undefined }])
})

t.test('a delete with unreadable options is a 415, on record', async (t) => {
  const { url, denied, asked } = await proxied(t, resultsOn('1'), quiet)
  const answer = await fetch(url + path, { method: 'DELETE', body: 'k8s\u0000protobuf' })
  t.equal(answer.status, 415)
  t.match(denied, [{ operation: 'DELETE', why: 'unreadable' }])
  t.strictSame(asked, [`DELETE ${path}`], 'whether its caller may delete at all')
})

t.test('a delete with options in protobuf is a 415, so that its client sends JSON', async (t) => {
  const { url, asked } = await proxied(t, (_, response) => response.writeHead(400).end(), quiet)
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
  const answer = await fetch(url + path, { method: 'DELETE', body: 'k8s\u0000options', headers })
  t.equal(answer.status, 415)
  t.strictSame(asked, [], 'nothing is sent under a name that it has not')
})

/** As the guard's own webhook holds a dry run back. */
const held: http.RequestListener = (_, response) =>
  response
    .writeHead(429)
    .end(
      '{"message":"admission webhook \\"guard.holdfast.dev\\" denied the request: dry run: evicting has to wait"}',
    )

t.test('a hold of the webhook goes on in the proxy, and ends when that stops', async (t) => {
  const stopping = new AbortController()
  const { patch, asked } = await proxied(t, held, { ...quiet, stopping: stopping.signal }, 600_000)
  const answer = patch(merge)
  await eventually(() => asked.length > 0)
  stopping.abort()
  const { status, body } = await answer
  t.equal(status, 429)
  t.match(body, {
    message: /^admission webhook "guard\.holdfast\.dev" denied the request: evicting has to wait/,
    details: { retryAfterSeconds: 2 },
  })
})

t.test('a dry run whose answer stalls ends when its client leaves', async (t) => {
  let closed = false
  const stalls: http.RequestListener = (request, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{')
    request.socket.on('close', () => (closed = true))
  }
  const { url, asked } = await proxied(t, stalls, quiet)
  const leaving = new AbortController()
  const answer = fetch(url + path, { method: 'PATCH', body: '{}', signal: leaving.signal })
  await eventually(() => asked.length > 0)
  leaving.abort()
  await t.rejects(answer)
  await eventually(() => closed)
})

t.test('a write that the guard fails to judge is denied, on record', async (t) => {
  const broken = { ...quiet, decide: () => Promise.reject(new Error('a mistake of ours')) }
  const { patch, denied, committed } = await proxied(t, resultsOn('1'), broken)
  t.match(await patch(merge), { status: 500, body: { kind: 'Status', message: /failed to judge this/ } })
  t.match(denied, [{ kind: 'Node', name: 'n1', operation: 'UPDATE', why: 'undecided' }])
  t.strictSame(committed(), [])
})
