import type http from 'node:http'
import t, { type Test } from 'tap'
import type { Decide } from '../../src/gate/decision.ts'
import type { UnjudgedWrite } from '../../src/gate/ports.ts'
import { kinds } from '../../src/longhorn/kinds.ts'
import { KubernetesDoor, type KubernetesDoorModules } from '../../src/proxy/kubernetes/kubernetes-door.ts'
import type { Change } from '../../src/rules/change.ts'
import { disk, rawNode } from '../fixtures/raw-objects.ts'
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
async function proxied(t: Test, dryRun: http.RequestListener, modules: Partial<KubernetesDoorModules>) {
  const decided: Change[] = []
  const denied: UnjudgedWrite[] = []
  let reserved = 0
  const decide: Decide = (change) => {
    decided.push(change)
    reserved += 1
    const release = (): Promise<void> => {
      reserved -= 1
      return Promise.resolve()
    }
    const verdict = { decision: 'allow', warnings: [] } as const
    return Promise.resolve({ verdict, answer: { allowed: true, warnings: [] }, release })
  }
  const proxy = await beforeUpstream(
    t,
    (request, response) => {
      request.resume().on('end', () => {
        if (request.url?.includes('dryRun=All')) dryRun(request, response)
        else response.end('{"done":true}')
      })
    },
    ({ ask }) =>
      new KubernetesDoor(
        { longhornNamespace: 'longhorn-system', holdMs: 0 },
        {
          ...unasked,
          whoIs: () => Promise.resolve({ username: 'ann', groups: [] }),
          ask,
          decide,
          denied: (write) => void denied.push(write),
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
  return { patch, committed, decided, denied, reserved: () => reserved }
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
