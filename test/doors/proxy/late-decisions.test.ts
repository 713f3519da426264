import type http from 'node:http'
import t, { type Test } from 'tap'
import type { ProxyDoor } from '../../../src/doors/proxy/door.ts'
import { KubernetesDoor } from '../../../src/doors/proxy/kubernetes/door.ts'
import { LonghornDoor } from '../../../src/doors/proxy/longhorn/door.ts'
import type { Decide } from '../../../src/gate/ports.ts'
import { kinds } from '../../../src/longhorn/kinds.ts'
import type { Change } from '../../../src/rules/change.ts'
import { disk, rawNode } from '../../fixtures/raw-objects.ts'
import { admitting } from './admitting.ts'
import { ann } from './ann.ts'
import { beforeUpstream } from './before-upstream.ts'
import { unasked } from './unasked.ts'

const namespace = 'longhorn-system'
const all = `/apis/longhorn.io/v1beta2/namespaces/${namespace}/nodes`
const list = { items: ['n1', 'n2'].map((name) => rawNode(name, [disk('d1')])) }

function node() {
  const parsed = kinds.Node.parse(list.items[0])
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** A proxy with this door; `isLate` judges the age of a decision by all decisions so far. */
async function proxied(
  t: Test,
  which: 'kubernetes' | 'longhorn',
  isLate: (change: Change, decided: readonly Change[]) => boolean,
) {
  const { modules, decided, denied, reserved } = admitting()
  const decide: Decide = async (change, patience) => {
    const decision = await modules.decide(change, patience)
    return { ...decision, isLate: () => isLate(change, decided) }
  }
  const answer: http.RequestListener = (request, response) =>
    void request
      .resume()
      .on('end', () => response.end(JSON.stringify(request.url?.includes('dryRun') ? list : { done: true })))
  const doorOf = ({
    ask,
  }: {
    ask: Parameters<Parameters<typeof beforeUpstream>[2]>[0]['ask']
  }): ProxyDoor => {
    const common = { ...unasked, ...modules, decide, read: () => Promise.resolve(node()) }
    if (which === 'longhorn') return new LonghornDoor({ holdMs: 0, userHeader: undefined }, common)
    return new KubernetesDoor({ longhornNamespace: namespace, holdMs: 0 }, { ...common, ask, whoIs: ann })
  }
  const proxy = await beforeUpstream(t, answer, doorOf)
  const write = () =>
    which === 'kubernetes'
      ? fetch(proxy.url + all, { method: 'DELETE' })
      : fetch(`${proxy.url}/v1/nodes/n1`, { method: 'PUT', body: '{"evictionRequested":true}' })
  const committed = () => proxy.asked.filter((each) => !each.includes('dryRun'))
  return { write, committed, decided, denied, reserved, failures: proxy.failures }
}

t.test('one request that is several changes is judged again if one of them was held for long', async (t) => {
  // Those of the first round are late by the time that the last of them is admitted.
  const isLate = (change: Change, decided: readonly Change[]) => decided.indexOf(change) < 2
  const { write, committed, decided, reserved } = await proxied(t, 'kubernetes', isLate)
  t.match(await (await write()).json(), { done: true })
  t.strictSame(
    decided.map(({ before }) => before?.metadata.name),
    ['n1', 'n2', 'n1', 'n2'],
  )
  t.equal(committed().length, 1)
  t.equal(reserved(), 0)
})

t.test('a write whose object took long to read is judged again', async (t) => {
  const isLate = (change: Change, decided: readonly Change[]) => decided.indexOf(change) === 0
  const { write, committed, decided, reserved } = await proxied(t, 'longhorn', isLate)
  t.match(await (await write()).json(), { done: true })
  t.equal(decided.length, 2)
  t.equal(committed().length, 1)
  t.equal(reserved(), 0)
})

for (const which of ['kubernetes', 'longhorn'] as const) {
  t.test(`a write that is late each time is not passed on, and the answer says why (${which})`, async (t) => {
    const { write, committed, denied, reserved, failures } = await proxied(t, which, () => true)
    const answer = await write()
    t.equal(answer.status, 503)
    const { message } = (await answer.json()) as { message: string }
    t.match(message, 'The write was not forwarded: it was allowed too long ago')
    t.match(message, 'Nothing was changed; try again')
    t.notMatch(message, /slept/, 'the answer leaves out unknown facts')
    t.strictSame(failures, [503])
    t.strictSame(committed(), [])
    t.strictSame(denied, [])
    t.equal(reserved(), 0)
  })
}
