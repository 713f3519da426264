import t, { type Test } from 'tap'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { guardedSandbox, quickSandbox } from '../race/guarded-sandbox.ts'
import { stageOf } from '../race/pairs.ts'
import { proxiesOf } from '../race/proxies.ts'
import { replicasHere } from '../race/replicas-here.ts'

const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }
const settings = { requestTimeout: '3m' } as const

/** How long each reservation lasts that is made from now on, in milliseconds. */
function lengths(t: Test, sandbox: Sandbox): Set<number> {
  const seen = new Set<number>()
  t.teardown(
    sandbox.api.subscribe(leases, ({ object }) => {
      const reservations = object.metadata.annotations?.['holdfast.dev/reservations'] ?? ''
      for (const [, ms] of reservations.matchAll(/"lastsMs":(\d+)/g)) seen.add(Number(ms))
    }),
  )
  return seen
}

t.test('what a webhook reserves lasts as long as the API server may take, and slack', async (t) => {
  const { sandbox, stop } = await guardedSandbox(2, replicasHere(settings))
  t.teardown(stop)
  const seen = lengths(t, sandbox)
  t.match(await stageOf(sandbox).evict('node-1', 'disk-2'), { admitted: true })
  t.strictSame([...seen], [190_000])
})

t.test('what a proxy reserves lasts longer by the time that its upstream may take', async (t) => {
  const sandbox = await quickSandbox(2)
  t.teardown(() => sandbox.stop())
  const proxies = await proxiesOf(sandbox, { settings })
  t.teardown(() => proxies.stop())
  const seen = lengths(t, sandbox)
  t.match(await stageOf(sandbox, proxies.kubernetes).evict('node-1', 'disk-2'), { admitted: true })
  t.strictSame([...seen], [310_000])
})
