import type http from 'node:http'
import t, { type Test } from 'tap'
import { KubernetesDoor, type KubernetesDoorModules } from '../../../src/doors/proxy/kubernetes/door.ts'
import type { Unknown } from '../../../src/doors/proxy/kubernetes/who-is.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import { disk, rawNode } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'
const marker = 'written-by-a-stranger'

/** The Kubernetes proxy before an API server that answers like this, with the bodies that came there. */
async function before(t: Test, status: (body: string) => number, given: Partial<KubernetesDoorModules> = {}) {
  const { modules, decided, denied } = admitting()
  const stored = rawNode('n1', [disk('d1')])
  const bodies: string[] = []
  const answer: http.RequestListener = (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      bodies.push(body)
      response.writeHead(status(body)).end('{"said":"by the API server"}')
    })
  }
  const read = () => {
    const parsed = kinds.Node.parse(stored)
    return Promise.resolve(parsed.ok ? parsed.value : undefined)
  }
  const proxy = await beforeUpstream(
    t,
    answer,
    ({ ask }) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs: 0 },
        { ...unasked, ...modules, whoIs: ann, read, ask, ...given },
      ),
  )
  const send = async (method: string, at: string, body: string, type = 'application/json') => {
    const headers = { 'content-type': type }
    const { status } = await fetch(proxy.url + at, { method, headers, body })
    return status
  }
  const remove = (body: string, type?: string) => send('DELETE', path, body, type)
  return { ...proxy, send, remove, bodies, decided, denied }
}

const options = JSON.stringify({ kind: 'DeleteOptions', propagationPolicy: marker })

for (const status of [401, 403, 404, 429, 500]) {
  t.test(`nothing of a delete is parsed that the API server answers with ${status}`, async (t) => {
    const { remove, bodies, decided, denied } = await before(t, () => status)
    const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
    t.equal(await remove(options), status, 'the answer is its own')
    t.equal(await remove(`&a ${marker}`, 'application/yaml'), status)
    const texts = parsed().map(({ args: [text] }) => text)
    t.notOk(
      texts.some((text) => text.includes(marker)),
      'no text of the caller is parsed',
    )
    t.notOk(
      bodies.some((body) => body.includes(marker)),
      'the API server is asked with the options of the proxy alone',
    )
    t.ok(bodies.every((body) => body.includes('"dryRun":["All"]')))
    t.strictSame([decided, denied], [[], []])
  })
}

t.test(
  'a delete of a stranger is not parsed if its content type names another encoding in a parameter',
  async (t) => {
    const { remove, bodies } = await before(t, () => 403)
    const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
    t.equal(await remove(options, 'application/json; note=cbor'), 403)
    t.notOk(parsed().some(({ args: [text] }) => text.includes(marker)))
    t.ok(bodies.every((body) => !body.includes(marker)))
    t.equal(await remove(JSON.stringify({ padding: marker.repeat(10_000) }), 'application/json; a=cbor'), 413)
  },
)

t.test('a delete that the API server takes is judged and passed on with its own options', async (t) => {
  const { remove, bodies, decided } = await before(t, () => 200)
  t.equal(await remove(options), 200)
  t.equal(decided.length, 1)
  t.match(bodies.at(-1), new RegExp(marker))
  t.notMatch(bodies.at(-1), /dryRun/)
})

t.test('a delete is judged that the API server refuses at first and takes a moment later', async (t) => {
  let asked = 0
  const { remove, decided } = await before(t, () => ((asked += 1) === 1 ? 500 : 200))
  t.equal(await remove(options), 200)
  t.equal(decided.length, 1)
})

t.test('options of a delete that are larger than any are answered with 413, unread', async (t) => {
  const { remove, bodies } = await before(t, () => 200)
  const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
  t.equal(await remove(JSON.stringify({ padding: marker.repeat(10_000) })), 413)
  t.notOk(parsed().some(({ args: [text] }) => text.includes(marker)))
  t.strictSame(bodies, [])
})

t.test('too large options of a delete pass unchanged if nothing is enforced', async (t) => {
  const { remove, bodies, denied } = await before(t, () => 200, { enforces: false })
  const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
  const large = JSON.stringify({ padding: marker.repeat(10_000) })
  t.equal(await remove(large), 200)
  t.notOk(parsed().some(({ args: [text] }) => text.includes(marker)))
  t.strictSame(bodies, [large])
  t.strictSame(denied, [])
})

const caller = (is: Unknown) => () =>
  Promise.resolve({ is, actor: { username: 'unknown', groups: [] } } as const)

const raise = JSON.stringify({ allowScheduling: false, evictionRequested: true, tags: [marker] })
const backend = '/api/v1/namespaces/longhorn-system/services/longhorn-backend:9500/proxy/v1'

/** Each way to Longhorn's objects, as method and target. */
const ways = [
  ['PUT', path],
  ['PATCH', path],
  ['DELETE', path],
  ['POST', path.slice(0, path.lastIndexOf('/'))],
  ['PATCH', `${path}%2F%2Fx`],
  ['DELETE', `${path}%2F%2Fx`],
  ['PUT', `${backend}/nodes/n1`],
  ['POST', `${backend}/nodes/n1?action=diskUpdate`],
  ['DELETE', `${backend}/backingimages/i1`],
] as const

for (const [method, target] of ways) {
  t.test(`a stranger’s ${method} ${target} is a 401, and nothing of it is parsed or recorded`, async (t) => {
    const { send, bodies, decided, denied } = await before(t, () => 200, { whoIs: caller('stranger') })
    const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
    t.equal(await send(method, target, raise), 401)
    t.notOk(parsed().some(({ args: [text] }) => text.includes(marker)))
    t.strictSame([bodies, decided, denied], [[], [], []])
  })

  t.test(
    `a stranger’s ${method} ${target} passes where nothing is enforced: the API server says no`,
    async (t) => {
      const { send, denied } = await before(t, () => 401, {
        whoIs: caller('stranger'),
        enforces: false,
      })
      t.equal(await send(method, target, raise), 401)
      t.strictSame(denied, [])
    },
  )
}

t.test('a request that cannot be judged is a 503, unread, while its user is unknown', async (t) => {
  const { send, bodies, denied } = await before(t, () => 200, { whoIs: caller('untold') })
  const parsed = t.capture(JSON, 'parse', JSON.parse.bind(JSON))
  t.equal(await send('PUT', `${backend}/nodes/n1`, raise), 503)
  t.equal(await send('PATCH', `${path}%2F%2Fx`, raise), 503)
  t.notOk(parsed().some(({ args: [text] }) => text.includes(marker)))
  t.strictSame([bodies, denied], [[], []])
})

t.test('a caller whom the API server does not name is judged as unknown', async (t) => {
  const { send, decided, denied } = await before(t, () => 200, { whoIs: caller('nameless') })
  t.equal(await send('DELETE', path, ''), 200)
  t.match(decided, [{ request: { actor: { username: 'unknown' } } }])
  t.equal(await send('PUT', `${backend}/nodes/n1`, raise), 403)
  t.match(denied, [{ kind: 'Node', name: 'n1' }])
  const clear = JSON.stringify({ allowScheduling: true, evictionRequested: false })
  t.equal(await send('PUT', `${backend}/nodes/n1`, clear), 200)
})
