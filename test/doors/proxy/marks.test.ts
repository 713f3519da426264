import t, { type Test } from 'tap'
import { idle, sandboxed } from './sandboxed.ts'

const kubernetes = { api: 'kubernetes', localOnly: true } as const
const longhorn = { api: 'longhorn', userHeader: undefined } as const
const namespace = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system'
const raised = { evictionRequested: true, allowScheduling: false }
const marked = { metadata: { annotations: { 'longhorn.io/delete-node-from-longhorn': '' } } }

/** An embedded cluster with a clean-up pending on node-1, which Longhorn's uninstaller has marked, and both proxies' way. */
async function markedNode(of: typeof kubernetes | typeof longhorn, test: Test) {
  const { sandbox, url, decided } = await sandboxed(test, of, { longhorn: idle })
  const call = async (method: string, at: string, body?: object): Promise<number> => {
    const headers = {
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    }
    const init = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) }
    const answer = await fetch(at, init)
    await answer.text()
    return answer.status
  }
  const direct = `${sandbox.api.url}${namespace}`
  const uuid = sandbox.cluster.uuidOf('node-1/disk-1')
  await call('PATCH', `${direct}/backingimages/ubuntu-22.04`, { spec: { diskFileSpecMap: { [uuid]: null } } })
  test.equal(await call('PATCH', `${direct}/nodes/node-1`, marked), 200)
  return { url, call, decided }
}

t.test('before the Kubernetes API, a marked node is judged as any other, but for its deletion', async (t) => {
  const { url, call, decided } = await markedNode(kubernetes, t)
  const node = `${url}${namespace}/nodes/node-1`
  t.equal(await call('PATCH', node, { spec: raised }), 429)
  t.equal(await call('PATCH', node, { metadata: { finalizers: ['longhorn.io'], labels: { a: 'b' } } }), 200)
  t.equal(await call('DELETE', node), 200)
  t.match(decided.at(-1), { change: { operation: 'DELETE' }, verdict: { mark: 'uninstalling' } })
})

t.test('before Longhorn’s REST API, a marked node is judged as any other', async (t) => {
  const { url, call } = await markedNode(longhorn, t)
  t.equal(await call('PUT', `${url}/v1/nodes/node-1`, raised), 500)
})
