import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { configure } from '../../src/configuration/configuration.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { connectTo } from '../../src/kubernetes/client/connection.ts'
import { createLog } from '../../src/observability/log.ts'
import { ApiServer } from '../../src/sandbox/api-server/api-server.ts'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { Guard } from '../../src/server/webhook-server.ts'
import { runProgram } from '../commands/holdfast.ts'
import { certificateFor } from '../fixtures/certificates.ts'
import { ask, type Cluster } from './cluster.ts'
import { onAnyCluster } from './suite/on-any-cluster.ts'
import { World } from './world.ts'

// The suite that runs on a real API server too: `npm run test:e2e`.
t.test('on the embedded API server', async (t) => {
  const api = await ApiServer.start({})
  const tls = await certificateFor('localhost')
  const configuration = configure([
    { host: '127.0.0.1', port: 0, healthPort: 0, operatorPort: 0, linger: '0s', settle: '0s' },
  ])
  const connection = connectTo(api.url)
  const guard = new Guard(configuration, {
    connection: connectTo(api.url),
    tls,
    log: createLog('silent', process.stderr),
  })
  t.teardown(async () => {
    await guard.stop()
    connection.close()
    await api.stop()
  })
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(api.url, 'longhorn-system'))
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
  const cluster: Cluster = {
    what: 'the embedded API server',
    connection,
    isReal: false,
    kubectl: (args, input) => runProgram('kubectl', args, env, input),
  }
  await new World(cluster).setting('current-longhorn-version', 'v1.8.0')
  const { port } = await guard.start()
  await guard.whenSynced(new AbortController().signal)
  const url = `https://127.0.0.1:${port}/validate`
  const registrations = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'
  await ask(
    cluster,
    'POST',
    registrations,
    registration({ url, authorityCert: tls.cert, timeoutSeconds: 10 }),
  )
  await t.test('suite', (t) => {
    onAnyCluster(t, cluster)
    t.end()
  })
})
