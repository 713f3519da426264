import { once } from 'node:events'
import type http from 'node:http'
import t from 'tap'
import type { Decide } from '../../../src/gate/ports.ts'
import { eventually, turns } from '../../fixtures/eventually.ts'
import { hangMs } from '../../fixtures/limits.ts'
import { emptied, node, proxied } from './before-longhorn.ts'

t.test('an object that has changed by the reservation is judged again', async (t) => {
  const versions = ['1', '2', '3', '3']
  const read = () => Promise.resolve(node(versions.shift() ?? '3'))
  const { put, decided, reserved } = await proxied(t, { read })
  t.equal((await put(emptied)).status, 200)
  t.strictSame(
    decided.map(({ before }) => before?.metadata.resourceVersion),
    ['1', '3'],
  )
  t.equal(reserved(), 0)
})

t.test('an object that changes faster than it can be judged is denied, on record', async (t) => {
  let version = 0
  const { put, asked, denied, reserved } = await proxied(t, {
    read: () => Promise.resolve(node(`${++version}`)),
  })
  const answer = await put(emptied)
  t.equal(answer.status, 500)
  t.match(await answer.json(), { message: /changes faster than it can be judged/ })
  t.match(denied, [{ kind: 'Node', name: 'n1', operation: 'UPDATE', why: 'undecided' }])
  t.strictSame(asked, [])
  t.equal(reserved(), 0)
})

const away = () => Promise.reject(new Error('no answer'))

t.test('an unreadable write is denied, on record, and passes if nothing is enforced', async (t) => {
  const enforced = await proxied(t, { read: away })
  const answer = await enforced.put(emptied)
  t.equal(answer.status, 500)
  t.match(await answer.json(), { message: /Node n1 cannot be read, .*no answer/ })
  t.match(enforced.denied, [{ why: 'undecided', request: { door: 'proxy-longhorn' } }])
  t.strictSame(enforced.asked, [])
  const watching = await proxied(t, { read: away, enforces: false })
  t.equal((await watching.put(emptied)).status, 200)
  t.equal((await watching.put('{"evictionRequested":')).status, 200)
  t.strictSame(watching.denied, [])
})

t.test('an object that cannot be read a second time leaves no reservation', async (t) => {
  let reads = 0
  const read = () => (++reads === 1 ? Promise.resolve(node('1')) : away())
  const { put, reserved, asked } = await proxied(t, { read })
  t.equal((await put(emptied)).status, 500)
  t.equal(reserved(), 0)
  t.strictSame(asked, [])
})

t.test('a body that is no such call is denied, on record', async (t) => {
  const { put, denied } = await proxied(t, { read: () => Promise.resolve(node('1')) })
  t.equal((await put('{"evictionRequested":')).status, 400)
  t.equal((await put({ disks: 'd1' }, '/v1/nodes/n1?action=diskUpdate', 'POST')).status, 400)
  t.match(denied, [{ why: 'unreadable' }, { why: 'unreadable' }])
})

t.test('a body that is nested deeper than the stack counts as unreadable', async (t) => {
  const deep = `${'['.repeat(19_000)}${']'.repeat(19_000)}`
  const problems: unknown[] = []
  const onProblem = (error: unknown) => void problems.push(error)
  const { put, denied } = await proxied(t, { read: () => Promise.resolve(node('1')), onProblem })
  t.equal((await put(`{"evictionRequested":true,"tags":${deep}}`)).status, 400)
  t.equal(
    (await put(`{"disks":{"d1":{"path":${deep}}}}`, '/v1/nodes/n1?action=diskUpdate', 'POST')).status,
    400,
  )
  t.match(denied, [{ why: 'unreadable' }, { why: 'unreadable' }])
  t.strictSame(problems, [])
})

t.test('clearing a disk’s flag passes even if the node cannot be read', async (t) => {
  const { put, asked, denied } = await proxied(t, { read: away, known: () => node('1') })
  const rest = { path: '/d', allowScheduling: true, evictionRequested: false }
  const path = '/v1/nodes/n1?action=diskUpdate'
  t.equal((await put({ disks: { d1: rest, d2: rest } }, path, 'POST')).status, 200)
  t.strictSame(asked, [`POST ${path}`])
  // A disk is taken away; a flag is raised.
  t.equal((await put({ disks: { d1: rest } }, path, 'POST')).status, 500)
  t.equal((await put({ disks: { d1: rest, d2: { ...rest, ...emptied } } }, path, 'POST')).status, 500)
  t.equal(denied.length, 2)
})

t.test('clearing all flags waits for no decision and no record', async (t) => {
  const { put, asked } = await proxied(t, {
    read: away,
    known: () => node('1'),
    decide: () => new Promise(() => undefined),
  })
  t.equal((await put({ evictionRequested: false })).status, 200)
  t.strictSame(asked, ['PUT /v1/nodes/n1'])
})

t.test('no reservation stays for a write that never reached the upstream', async (t) => {
  const { put, reserved, stopUpstream } = await proxied(t, { read: () => Promise.resolve(node('1')) })
  stopUpstream()
  t.equal((await put(emptied)).status, 502)
  t.equal(reserved(), 0)
})

const unanswered: readonly (readonly [what: string, status: number, answer: http.RequestListener])[] = [
  ['is not answered', 504, () => undefined],
  ['is cut off', 502, (request) => request.socket.destroy()],
  ['a gateway does not get answered', 504, (_, response) => response.writeHead(504).end()],
  [
    'etcd did not confirm',
    500,
    (_, response) => response.writeHead(500).end(errorOf('etcdserver: request timed out')),
  ],
  ['ended in an error that says nothing', 500, (_, response) => response.writeHead(500).end()],
  ['a server could not answer', 503, (_, response) => response.writeHead(503).end()],
  [
    'ended in too long an error',
    500,
    (_, response) => response.writeHead(500).end(errorOf(`${'x'.repeat(100_000)} denied the request`)),
  ],
]

for (const [what, status, answer] of unanswered) {
  t.test(`a reservation stays for a write that ${what}, since Longhorn may still do it`, async (t) => {
    const read = () => Promise.resolve(node('1'))
    const answerMs = what === 'is not answered' ? 100 : hangMs
    const { put, reserved } = await proxied(t, { read }, answer, { answerMs })
    t.equal((await put(emptied)).status, status)
    t.equal(reserved(), 1)
  })
}

const refused: readonly (readonly [what: string, status: number, message: string])[] = [
  [
    'a webhook has refused',
    500,
    'admission webhook "validator.longhorn.io" denied the request: disable scheduling',
  ],
  ['no webhook could be asked about', 500, 'Internal error occurred: failed calling webhook "x": EOF'],
  ['breaks the schema', 500, 'Node.longhorn.io "n1" is invalid: spec.disks: Invalid value'],
  ['names nothing', 404, 'nodes.longhorn.io "n1" not found'],
]

for (const [what, status, message] of refused) {
  t.test(`nothing stays reserved for a write that ${what}`, async (t) => {
    const read = () => Promise.resolve(node('1'))
    const { put, reserved } = await proxied(t, { read }, (_, response) =>
      response.writeHead(status).end(errorOf(message)),
    )
    const answer = await put(emptied)
    t.equal(answer.status, status)
    t.equal(await answer.text(), errorOf(message))
    await eventually(() => reserved() === 0)
    t.pass('it is taken back')
  })
}

function errorOf(message: string): string {
  return JSON.stringify({ type: 'error', status: 500, message })
}

/** The results of Go's encoding/json (*measured*), and the judged and forwarded texts. */
const bodies: readonly (readonly [came: string, goes: string])[] = [
  ['{"evictionRequested":true,"evictionRequested":null}', '{"evictionRequested":null}'],
  ['{"evictionRequested":true,"EvictionRequested":null}', '{"evictionRequested":null}'],
  [
    '{"evictionRequested":false,"EvictionRequested":true,"evictionRequested":false}',
    '{"evictionRequested":false}',
  ],
  [
    '{"evictionRequested":true,"EvictionRequested":false,"evictionRequested":true}',
    '{"evictionRequested":true}',
  ],
  ['{"evictionReque\u017fted":true}', '{"evictionRequested":true}'],
  ['{"TAGS":["a"],"unknown":{"Kept":1}}', '{"tags":["a"],"unknown":{"Kept":1}}'],
]

for (const [came, goes] of bodies) {
  t.test(`Longhorn gets ${goes}, which was judged, if the client sends ${came}`, async (t) => {
    const got: string[] = []
    const read = () => Promise.resolve(node('1'))
    const { put, decided } = await proxied(t, { read }, (request, response) => {
      let text = ''
      request.on('data', (chunk: Buffer) => (text += chunk.toString()))
      request.on('end', () => {
        got.push(text)
        response.end('{}')
      })
    })
    t.equal((await put(came)).status, 200)
    t.strictSame(got, [goes])
    const flagged = goes.includes('"evictionRequested":true')
    t.equal(
      decided.some(({ kind, after }) => kind === 'Node' && after?.spec.evictionRequested),
      flagged,
    )
  })
}

t.test('the names of a disk’s fields count once, too', async (t) => {
  const { put, decided } = await proxied(t, { read: () => Promise.resolve(node('1')) })
  const disks = '{"d1":{"path":"/d","EVICTIONREQUESTED":true,"allowScheduling":false}}'
  t.equal((await put(`{"Di\u017fks":${disks}}`, '/v1/nodes/n1?action=diskUpdate', 'POST')).status, 200)
  const [change] = decided
  t.equal(change?.kind === 'Node' && change.after?.spec.disks.get('d1')?.evictionRequested, true)
  t.equal(change?.kind === 'Node' && change.after?.spec.disks.has('d2'), false)
})

t.test('a delete has no body that counts', async (t) => {
  const { put, asked } = await proxied(t, { read: () => Promise.resolve(node('1')) })
  t.equal((await put('not JSON', '/v1/nodes/n1', 'DELETE')).status, 200)
  t.strictSame(asked, ['DELETE /v1/nodes/n1'])
})

t.test('an answer that is cut off while the reservation is taken back is a 502', async (t) => {
  let cut = (): Promise<unknown> => Promise.resolve()
  const release = async (): Promise<void> => {
    await cut()
    // Until the proxy has heard of it too.
    await turns()
  }
  const decide: Decide = () => {
    const verdict = { decision: 'allow', warnings: [] } as const
    return Promise.resolve({ verdict, answer: { allowed: true, warnings: [] }, release })
  }
  const read = () => Promise.resolve(node('1'))
  const { put } = await proxied(t, { read, decide }, (_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half')
    cut = () => once(response.destroy(), 'close')
  })
  const answer = await put(emptied)
  t.equal(answer.status, 502)
  t.match(await answer.json(), { message: /broke off its answer/ })
})

t.test('a clear is recorded, and waits for nothing', async (t) => {
  const { put, decided, asked } = await proxied(t, { read: away, known: () => node('1') })
  t.equal((await put({ allowScheduling: true })).status, 200)
  t.equal(decided.length, 1)
  t.strictSame(asked, ['PUT /v1/nodes/n1'])
})

t.test('a clear with a field that Longhorn cannot read is no mistake of the guard', async (t) => {
  const problems: unknown[] = []
  const onProblem = (error: unknown) => void problems.push(error)
  const { put, asked } = await proxied(t, { read: away, known: () => node('1'), onProblem })
  t.equal((await put({ evictionRequested: false, tags: false })).status, 200)
  t.strictSame(asked, ['PUT /v1/nodes/n1'])
  t.strictSame(problems, [])
})

t.test('a member that Longhorn does not know may be nested however deeply', async (t) => {
  const problems: unknown[] = []
  const onProblem = (error: unknown) => void problems.push(error)
  const { put, asked } = await proxied(t, { read: () => Promise.resolve(node('1')), onProblem })
  const deep = `{"evictionRequested":true,"more":${'['.repeat(19_000)}${']'.repeat(19_000)}}`
  t.equal((await put(deep)).status, 200)
  t.strictSame(asked, ['PUT /v1/nodes/n1'])
  t.strictSame(problems, [])
})

t.test(
  'a write that the guard fails to judge is denied on record, and passes where nothing is enforced',
  async (t) => {
    const problems: unknown[] = []
    const broken = {
      read: () => Promise.resolve(node('1')),
      decide: () => Promise.reject(new Error('a mistake of ours')),
      onProblem: (error: unknown) => void problems.push(error),
    }
    const enforced = await proxied(t, broken)
    const answer = await enforced.put(emptied)
    t.equal(answer.status, 500)
    t.match(await answer.json(), { type: 'error', message: /failed to judge this/ })
    t.match(enforced.denied, [{ kind: 'Node', name: 'n1', why: 'undecided' }])
    t.match(problems, [{ message: 'a mistake of ours' }])
    t.strictSame(enforced.asked, [])
    const watching = await proxied(t, { ...broken, enforces: false })
    t.equal((await watching.put(emptied)).status, 200)
  },
)
