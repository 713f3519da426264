import { setMaxListeners } from 'node:events'
import t, { type Test } from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { InProcessBook, type ReservationBook } from '../../src/gate/reservation-book.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { jsonRequest } from '../../src/kubernetes/client/json-request.ts'
import { parseBackingImage } from '../../src/longhorn/backing-image.ts'
import { parseNode } from '../../src/longhorn/node.ts'
import { createLog } from '../../src/observability/log.ts'
import type { Change } from '../../src/rules/change.ts'
import { DecisionCore } from '../../src/server/decision-core.ts'
import { agreeOnNamespace, NoCommonNamespace } from '../../src/server/guard-namespace.ts'
import { hangMs } from '../fixtures/limits.ts'
import { quickSandbox } from '../race/guarded-sandbox.ts'
import { type Place, placesOf } from '../race/places.ts'

const { signal } = new AbortController()
// All nodes wait on it at once.
setMaxListeners(0, signal)
const wait = { budgetMs: hangMs, signal }
const request = { uid: 'u', actor: { username: 'ann', groups: [] }, dryRun: false, door: 'webhook' } as const

/** Two doors with different namespaces, and the end of both. */
async function doors(t: Test, books?: readonly [ReservationBook, ReservationBook]) {
  const sandbox = await quickSandbox(6)
  const client = connectTo(sandbox.api.url)
  const cores = (['holdfast', 'default'] as const).map(
    (namespace, at) =>
      new DecisionCore(
        configure([{ operatorPort: 0, settle: '0s', hold: '0s', auditLog: 'off', namespace }]),
        {
          connection: connectTo(sandbox.api.url),
          log: createLog('silent', process.stderr),
          ...(books?.[at] && { book: books[at] }),
        },
      ),
  )
  t.teardown(async () => {
    await Promise.all(cores.map((core) => core.stop()))
    client.close()
    await sandbox.stop()
  })
  await Promise.all(cores.map((core) => core.whenSynced(signal)))
  const path = (plural: string, name: string) =>
    `/apis/longhorn.io/v1beta2/namespaces/${sandbox.namespace}/${plural}/${name}`
  const read = (plural: string, name: string) =>
    jsonRequest(client, { method: 'GET', path: path(plural, name), signal })

  const evict = async ({ node }: Place): Promise<Change> => {
    const before = parseNode(await read('nodes', node))
    if (!before.ok) throw new Error(before.problem)
    const after = { ...before.value, spec: { ...before.value.spec, evictionRequested: true } }
    return { kind: 'Node', operation: 'UPDATE', before: before.value, after, request }
  }
  const cleanUp = async ({ image, uuid }: Place): Promise<Change> => {
    const before = parseBackingImage(await read('backingimages', image))
    if (!before.ok) throw new Error(before.problem)
    const kept = [...before.value.spec.diskFileSpecMap].filter(([key]) => key !== uuid)
    const after = { ...before.value, spec: { ...before.value.spec, diskFileSpecMap: new Map(kept) } }
    return { kind: 'BackingImage', operation: 'UPDATE', before: before.value, after, request }
  }
  /** Sends two changes on every node at once, each through another door. @returns the number of admitted ones, by pair */
  const meet = async () => {
    const pairs = (await placesOf(sandbox)).map(async (place, at) => {
      const [one, other] = at % 2 === 0 ? cores : cores.toReversed()
      const changes = await Promise.all([evict(place), cleanUp(place)])
      const decided = await Promise.all([
        one?.gate.decide(changes[0], wait),
        other?.gate.decide(changes[1], wait),
      ])
      const allowed = decided.filter((each) => each?.verdict.decision === 'allow')
      return allowed.length
    })
    return await Promise.all(pairs)
  }
  return { client, longhornNamespace: sandbox.namespace, meet }
}

t.test('two doors with two configured namespaces never admit both of a pair', async (t) => {
  const { client, meet } = await doors(t)
  t.strictSame(await meet(), [1, 1, 1, 1, 1, 1], 'the one that has named its namespace first admits alone')
  const insisting = [configure([{ namespace: 'holdfast' }]), configure([{ namespace: 'default' }])]
  const started = await Promise.allSettled(insisting.map((each) => agreeOnNamespace(each, client, signal)))
  const refused = started.filter(
    (each) => each.status === 'rejected' && each.reason instanceof NoCommonNamespace,
  )
  t.equal(refused.length, 1, 'started again, the other one refuses')
})

t.test('two doors with a book each admit both of a pair', async (t) => {
  const { meet } = await doors(t, [new InProcessBook(), new InProcessBook()])
  t.strictSame(await meet(), [2, 2, 2, 2, 2, 2])
})
