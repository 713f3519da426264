import type http from 'node:http'
import t, { type Test } from 'tap'
import { kinds } from '../../src/longhorn/kinds.ts'
import { KubernetesDoor } from '../../src/proxy/kubernetes/kubernetes-door.ts'
import { disk, rawNode } from '../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const path = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/n1'
const marker = 'written-by-a-stranger'

/** The Kubernetes proxy before an API server that answers like this, with the bodies that came there. */
async function before(t: Test, status: (body: string) => number) {
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
  const whoIs = () => Promise.resolve({ username: 'ann', groups: [] })
  const proxy = await beforeUpstream(
    t,
    answer,
    ({ ask }) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs: 0 },
        { ...unasked, ...modules, whoIs, read, ask },
      ),
  )
  const remove = async (body: string, type = 'application/json') => {
    const headers = { 'content-type': type }
    const { status } = await fetch(proxy.url + path, { method: 'DELETE', headers, body })
    return status
  }
  return { remove, bodies, decided, denied }
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
