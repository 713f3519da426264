import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askReplicas, policiesOf } from '../../src/commands/guard/ask-replicas.ts'
import { connectWith } from '../../src/commands/options/cluster-options.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { untilHung } from '../fixtures/limits.ts'
import { type Answers, inFront } from './in-front.ts'

const items = [{ metadata: { name: 'pod-0' }, status: { phase: 'Running' } }]
const pods: Answers = (_, path) => (path.endsWith('/pods') ? [200, { items }] : undefined)

/** The replicas of a guard, behind an API server that lists them so, with their port here. */
async function behind(t: Test, answers: Answers, port: number) {
  const sandbox = await embeddedCluster(t, { release: 'v1.8.0', images: 1 })
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, await inFront(t, sandbox.api.url, answers, [port]))
  const flags = {
    kubeconfig,
    longhornNamespace: 'longhorn-system',
    namespace: 'holdfast',
    operatorPort: 8081,
  }
  const connection = await connectWith(flags, { env: {}, isInteractive: false })
  t.teardown(() => connection.close())
  const ask = (limitMs: number) =>
    askReplicas({ ...flags, env: {}, isInteractive: false }, connection, untilHung(), limitMs)
  return { ask }
}

/** A port on which connections are taken, and nothing is ever answered. */
async function mute(t: Test): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

t.test('a replica behind a port-forward that hangs is not waited for', async (t) => {
  const { ask } = await behind(t, pods, await mute(t))
  // Far longer than the list of pods takes, which comes before.
  t.match(await ask(2_000), { problem: 'a replica of the guard did not answer within 2 s' })
})

t.test('a list of replicas that does not come is not waited for', async (t) => {
  const hanging: Answers = (_, path) => (path.endsWith('/pods') ? 'never' : undefined)
  const { ask } = await behind(t, hanging, await mute(t))
  t.match(await ask(50), { problem: /^cannot find the replicas .*did not come within 0.05 s/ })
})

t.test('a replica of an older version says no rules, and how long it waits', (t) => {
  const policy = { ok: false, problem: 'policy is missing' } as const
  const seen = [{ replica: 'a', settle: undefined, lostAfterMs: undefined, policy }]
  t.match(policiesOf({ seen }), { problem: /does not report its rules: policy is missing/ })
  t.strictSame(policiesOf({ problem: 'no' }), { problem: 'no' })
  t.end()
})
