import type http from 'node:http'
import t, { type Test } from 'tap'
import type { Decide } from '../../src/gate/decision.ts'
import { kinds } from '../../src/longhorn/kinds.ts'
import { KubernetesDoor, type KubernetesDoorModules } from '../../src/proxy/kubernetes/kubernetes-door.ts'
import { eventually } from '../fixtures/eventually.ts'
import { disk, rawNode } from '../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'
const emptied = { evictionRequested: true, allowScheduling: false }
const apply = 'application/apply-patch+yaml'

/** n1 with its first disk like this, in this version, as the API server writes it. */
function written(resourceVersion: string, first: object = {}): object {
  return rawNode('n1', [disk('d1', first), disk('d2')], { metadata: { resourceVersion } })
}

function node(resourceVersion: string, first: object = {}) {
  const parsed = kinds.Node.parse(written(resourceVersion, first))
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** A door that admits everything, before an API server that answers dry runs like this and does the rest. */
async function proxied(
  t: Test,
  dryRun: http.RequestListener,
  modules: Partial<KubernetesDoorModules>,
  holdMs = 0,
  write: http.RequestListener = (_, response) => response.end('{"done":true}'),
) {
  const { modules: admits, decided, denied, reserved } = admitting()
  const proxy = await beforeUpstream(
    t,
    (request, response) => {
      request.resume().on('end', () => {
        if (request.url?.includes('dryRun=All')) dryRun(request, response)
        else write(request, response)
      })
    },
    ({ ask }) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs },
        {
          ...unasked,
          whoIs: () => Promise.resolve({ username: 'ann', groups: [] }),
          ask,
          ...admits,
          ...modules,
        },
      ),
  )
  const patch = async (type: string) => {
    const answer = await fetch(proxy.url + path, {
      method: 'PATCH',
      headers: { 'content-type': type },
      body: '{}',
    })
    return { status: answer.status, body: (await answer.json()) as object }
  }
  const committed = () => proxy.asked.filter((each) => !each.includes('dryRun'))
  return { ...proxy, patch, committed, decided, denied, reserved }
}

/** What a dry run comes to on each of these versions in turn. */
function resultsOn(...versions: string[]): http.RequestListener {
  return (_, response) => response.end(JSON.stringify(written(versions.shift() ?? '', emptied)))
}

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
  'what clears flags passes even if the node cannot be read; all else is denied, on record',
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

t.test('what fails once and passes then is written, not only tried', async (t) => {
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

t.test('what was reserved stands until it is certain that a write was not done', async (t) => {
  const failed = (status: number, message: string) =>
    [status, JSON.stringify({ kind: 'Status', code: status, message })] as const
  const answers = [
    [...failed(500, 'etcdserver: request timed out'), 1],
    [...failed(503, 'etcdserver: leader changed'), 1],
    [...failed(500, 'Internal error occurred: failed calling webhook "x": EOF'), 0],
    [...failed(403, 'nodes.longhorn.io "n1" is forbidden'), 0],
  ] as const
  for (const [status, body, left] of answers) {
    const { patch, reserved } = await proxied(t, resultsOn('1'), quiet, 0, (_, response) =>
      response.writeHead(status).end(body),
    )
    t.match(await patch(merge), { status, body: { code: status } })
    if (left === 0) await eventually(() => reserved() === 0)
    t.equal(reserved(), left, body)
  }
})

t.test('a delete of whatever matches is judged again if something else matches by then', async (t) => {
  const lists = [['1'], ['1', '2'], ['1', '2'], ['1', '2']]
  const list: http.RequestListener = (_, response) => {
    const items = (lists.shift() ?? []).map((version) => written(version))
    response.end(JSON.stringify({ kind: 'NodeList', items }))
  }
  const { url, decided, committed } = await proxied(t, list, quiet)
  const all = path.replace('/n1', '')
  t.equal((await fetch(url + all, { method: 'DELETE' })).status, 200)
  t.equal(decided.length, 3)
  t.strictSame(committed(), [`DELETE ${all}`])
})

t.test('of what a delete answers as terminating, that counts which really is', async (t) => {
  const ending = (name: string) => {
    const deletionTimestamp = '2026-11-29T12:00:00Z'
    return rawNode(name, [disk('d1')], { metadata: { uid: name, resourceVersion: '1', deletionTimestamp } })
  }
  const list: http.RequestListener = (_, response) =>
    response.end(JSON.stringify({ kind: 'NodeList', items: ['n1', 'n2', 'n3'].map(ending) }))
  const stored = (name: string) => {
    const parsed = kinds.Node.parse(
      name === 'n1'
        ? rawNode('n1', [disk('d1')], { metadata: { uid: 'n1', resourceVersion: '1' } })
        : ending(name),
    )
    return parsed.ok ? parsed.value : undefined
  }
  const reads: string[] = []
  const read = (_: string, name: string) => {
    reads.push(name)
    return Promise.resolve(stored(name))
  }
  // Of n3 the map knows already that it is.
  const known = (_: string, name: string) => (name === 'n3' ? stored(name) : undefined)
  const { url, decided } = await proxied(t, list, { read, known })
  t.equal((await fetch(url + path.replace('/n1', ''), { method: 'DELETE' })).status, 200)
  t.strictSame(
    decided.map(({ before }) => [before?.metadata.name, before?.metadata.terminating]),
    [
      ['n1', false],
      ['n2', true],
      ['n3', true],
    ],
  )
  t.notOk(reads.includes('n3'))
  const away = await proxied(t, list, { read: () => Promise.reject(new Error('no answer')) })
  t.equal((await fetch(away.url + path.replace('/n1', ''), { method: 'DELETE' })).status, 503)
  t.match(away.denied, [{ operation: 'DELETE', why: 'undecided' }])
})

t.test('a delete whose options cannot be read is a 415, on record', async (t) => {
  const { url, denied, asked } = await proxied(t, resultsOn('1'), quiet)
  const answer = await fetch(url + path, { method: 'DELETE', body: 'k8s\u0000protobuf' })
  t.equal(answer.status, 415)
  t.match(denied, [{ operation: 'DELETE', why: 'unreadable' }])
  t.strictSame(asked, [])
})

/** As the guard's own webhook holds a dry run back. */
const held: http.RequestListener = (_, response) =>
  response
    .writeHead(429)
    .end('{"message":"admission webhook \\"guard.holdfast.dev\\" denied the request: held"}')

t.test('a hold of the webhook goes on in the proxy, and ends when that stops', async (t) => {
  const stopping = new AbortController()
  const { patch, asked } = await proxied(t, held, { ...quiet, stopping: stopping.signal }, 600_000)
  const answer = patch(merge)
  await eventually(() => asked.length > 0)
  stopping.abort()
  t.match(await answer, { status: 429, body: { message: /guard\.holdfast\.dev/ } })
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

t.test('what the guard fails to judge is denied, on record', async (t) => {
  const broken = { ...quiet, decide: () => Promise.reject(new Error('a mistake of ours')) }
  const { patch, denied, committed } = await proxied(t, resultsOn('1'), broken)
  t.match(await patch(merge), { status: 500, body: { kind: 'Status', message: /failed to judge this/ } })
  t.match(denied, [{ kind: 'Node', name: 'n1', operation: 'UPDATE', why: 'undecided' }])
  t.strictSame(committed(), [])
})
