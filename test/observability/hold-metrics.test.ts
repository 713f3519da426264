import { Registry } from 'prom-client'
import t from 'tap'
import type { HeldChange } from '../../src/gate/held-change.ts'
import { holdMetrics } from '../../src/observability/hold-metrics.ts'
import { at, held } from './held.ts'

async function metrics(of: readonly HeldChange[], now = 1_000): Promise<string> {
  const registry = new Registry()
  holdMetrics(registry, { holds: () => of, clock: at(now) })
  return await registry.metrics()
}

const labels =
  'node="n1",kind="Node",name="n1",user="ann",door="webhook",change="evicting d2 of n1",rule="eviction-during-cleanup",cause="backing image ubuntu on d1 of n1"'

t.test('a hold is counted at its nodes, and named with how long it has waited and still can', async (t) => {
  const text = await metrics([
    held(),
    held({ id: 2, request: { uid: '2', user: 'bob', door: 'webhook' }, nodes: ['n1', 'n2'] }),
  ])
  t.match(text, 'holdfast_holds_by_node{node="n1"} 2\n')
  t.match(text, 'holdfast_holds_by_node{node="n2"} 1\n')
  t.match(text, `holdfast_hold_waited_seconds{${labels}} 1\n`)
  t.match(text, `holdfast_hold_left_seconds{${labels}} 7.5\n`)
})

t.test('the longest of several like waits counts', async (t) => {
  t.match(await metrics([held({ since: -4_000 }), held({ id: 2 })]), `waited_seconds{${labels}} 5\n`)
})

t.test('a request that no longer waits has no series', async (t) => {
  const registry = new Registry()
  let holds = [held()]
  holdMetrics(registry, { holds: () => holds, clock: at(0) })
  t.match(await registry.metrics(), /^holdfast_hold_left_seconds\{/m)
  holds = []
  t.notMatch(await registry.metrics(), /^holdfast_hold/m)
})

t.test('labels have an end, and tell no age', async (t) => {
  const text = await metrics([held({ doing: 'x'.repeat(500) })])
  t.match(text, /change="x{255}…"/)
  t.notMatch(text, '12s')
})
