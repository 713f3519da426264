import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { tryRemoval } from '../../src/commands/doctor/prove-guard.ts'
import { announceReplica } from '../../src/commands/guard/announced-address.ts'
import { GuardStatus } from '../../src/commands/guard/reach-replicas.ts'
import { guardSandbox } from '../../src/commands/sandbox/guard-sandbox.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { FakeApiServer } from '../kubernetes/fake-api-server.ts'
import { run } from './holdfast.ts'
import { type Answers, forbidden, inFront } from './in-front.ts'

const { signal } = new AbortController()
const anchor = '/apis/coordination.k8s.io/v1/namespaces/longhorn-system/leases/holdfast-book'

/** An embedded cluster of which some requests are answered otherwise, and commands for it. */
async function cluster(t: Test, answers: Answers) {
  const sandbox = await embeddedCluster(t)
  const kubeconfig = join(t.testdir(), 'kubeconfig')
  await writeFile(kubeconfig, await inFront(t, sandbox.api.url, answers))
  return { sandbox, holdfast: (...args: string[]) => run([...args, '--kubeconfig', kubeconfig]) }
}

t.test('status shows Longhorn where the guard’s namespace cannot be read, and is no success', async (t) => {
  const { holdfast } = await cluster(t, (_, path) => (path === anchor ? forbidden(path) : undefined))
  t.match(await holdfast('status'), {
    code: 2,
    stdout: /node-1/,
    stderr: /Namespace holdfast is a guess, .*cannot tell in which namespace .*User "ann" cannot do that/,
  })
  t.match(await holdfast('status', '--namespace', 'default'), {
    code: 0,
    stderr: /Whether the Leases of the guard are in namespace default could not be looked up: .*User "ann"/,
  })
  for (const command of [['doctor'], ['audit'], ['evict', 'node-2']]) {
    t.match(
      await holdfast(...command),
      {
        code: 2,
        stdout: '',
        stderr: /User "ann" cannot do that.*\nName it with --namespace, or ask for the right/,
      },
      command.join(' '),
    )
  }
})

t.test('a namespace that may not be looked at is neither there nor missing', async (t) => {
  const { holdfast } = await cluster(t, (_, path) =>
    path === '/api/v1/namespaces/default' ? forbidden(path) : undefined,
  )
  t.match(await holdfast('status', '--namespace', 'default'), {
    code: 2,
    stdout: /node-1/,
    stderr: /Namespace default may not exist \(.*User "ann" cannot do that\)/,
  })
})

t.test('replicas outside pods that may not be looked for are not reported as missing', async (t) => {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/holdfast/leases'
  const { holdfast } = await cluster(t, (_, path) => (path === leases ? forbidden(path) : undefined))
  t.match(await holdfast('audit'), {
    code: 2,
    stderr: /no replica .*, and replicas outside a pod could not be looked for: .*User "ann" cannot do that/,
  })
})

t.test('a replica that has announced itself and does not answer is named', async (t) => {
  const { sandbox, holdfast } = await cluster(t, () => undefined)
  const connection = connectTo(sandbox.api.url)
  t.teardown(() => connection.close())
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const { port: operatorPort } = gone.address() as AddressInfo
  gone.close()
  await once(gone, 'close')
  await announceReplica(connection, { namespace: 'holdfast', replica: 'killed', operatorPort }, signal)
  t.match(await holdfast('audit'), {
    code: 2,
    stderr:
      /no replica .*, and http:\/\/127\.0\.0\.1:\d+, which one has announced, cannot be asked: .*ECONNREFUSED/,
  })
})

t.test('a watch reports once that the guard cannot be asked now', async (t) => {
  const sandbox = await embeddedCluster(t)
  const guard = await guardSandbox(sandbox, { decided: () => undefined }, process.stderr, signal)
  const connection = connectTo(sandbox.api.url)
  t.teardown(() => connection.close())
  const problems: string[] = []
  const search = {
    ...{ namespace: 'holdfast', longhornNamespace: 'longhorn-system', operatorPort: 8081 },
    ...{ env: {}, isInteractive: false },
  }
  const status = await GuardStatus.open(search, connection, signal, (why) => problems.push(why))
  t.equal(status.replicas?.length, 1)
  t.strictSame(problems, [])
  await guard.stop()
  await status.refresh(signal)
  await status.refresh(signal)
  t.equal(status.replicas, undefined)
  t.equal(problems.length, 1)
  await status.stop()
})

t.test('a page in the place of an answer proves nothing of the guard', async (t) => {
  const server = await FakeApiServer.start()
  const connection = connectTo(server.url)
  t.teardown(async () => {
    connection.close()
    await server.down()
  })
  server.fail('any', 'malformed')
  const removal = { image: 'ubuntu', disks: ['a'] }
  t.match(await tryRemoval(removal, { connection, longhornNamespace: 'longhorn-system', signal }), {
    result: 'not-made',
    why: /is not valid JSON/,
  })
})
