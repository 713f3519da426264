import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { systemClock } from '../../../src/time/clock.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import { type Ended, run, runProgram } from '../../commands/holdfast.ts'
import { disk, pending } from '../../fixtures/raw-objects.ts'
import { type Manifest, manifests, rendered } from '../chart.ts'
import { Replica } from '../guards.ts'
import type { RealCluster } from '../real-cluster.ts'
import { World } from '../world.ts'

const proxies = [
  'proxy.longhorn.enabled=true',
  'proxy.kubernetes.enabled=true',
  'proxy.kubernetes.tls.secretName=proxy-tls',
]

/** As Longhorn's own chart makes it. */
const ui = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'longhorn-ui', namespace: 'longhorn-system' },
  spec: {
    selector: { matchLabels: { app: 'longhorn-ui' } },
    template: {
      metadata: { labels: { app: 'longhorn-ui' } },
      spec: {
        containers: [
          {
            name: 'longhorn-ui',
            image: 'longhornio/longhorn-ui:v1.8.0',
            env: [
              { name: 'LONGHORN_MANAGER_IP', value: 'http://longhorn-backend:9500' },
              { name: 'LONGHORN_UI_PORT', value: '8000' },
            ],
          },
        ],
      },
    },
  },
}

/** The chart's proxies beside its guard: the processes of their Deployments, with the rights of their service account. */
export async function chartProxies(t: Test, cluster: RealCluster): Promise<void> {
  const { plane } = cluster
  const folder = join(plane.folder, 'proxies')
  await mkdir(folder, { recursive: true })
  await cluster.must(['apply', '-f', '-'], JSON.stringify(ui))
  const yaml = rendered(cluster.binaries.helm, ...proxies)
  const all = manifests(yaml)
  // Hooks are helm's to run.
  const lasting = all.filter(({ kind }) => kind !== 'Job')
  await cluster.must(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: lasting }))
  const world = new World(cluster)
  await world.node('cp', [disk('cp-a')])
  await world.image('cp-image', [pending('cp-a')])

  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  await writeFile(join(folder, 'ca.crt'), authority.cert)
  await writeFile(join(folder, 'tls.crt'), tls.cert)
  await writeFile(join(folder, 'tls.key'), tls.key)
  const config = all.find(({ kind }) => kind === 'ConfigMap')?.data?.['holdfast.yaml'] ?? ''
  await writeFile(join(folder, 'holdfast.yaml'), config)

  const kubeconfigOf = async (account: string): Promise<string> => {
    const token = await cluster.must(['create', 'token', account, '-n', 'holdfast'])
    const path = join(folder, `${account}.kubeconfig`)
    await writeFile(path, plane.kubeconfig('holdfast', token.trim()))
    return path
  }
  const argsOf = (kind: string, name: string): readonly string[] =>
    containerArgs(all.find((each) => each.kind === kind && each.metadata.name === name)).map((arg) =>
      arg.replace(/\/etc\/holdfast\/(config|tls)/, folder),
    )
  const start = async (t: Test, name: string, ...flags: readonly string[]) => {
    const kubeconfig = await kubeconfigOf('holdfast-proxy')
    const ports = ['--listen', '127.0.0.1:0', '--health-port', '0', '--operator-port', '0']
    const here = ['--kubeconfig', kubeconfig, ...ports, '--hold', '1s', ...flags]
    const proxy = new Replica(name, { args: argsOf('Deployment', name), here })
    t.teardown(() => proxy.process.end())
    const { port } = await proxy.ports()
    await proxy.said('every Longhorn object is read')
    return { port, proxy }
  }

  t.test('each caller of the Kubernetes proxy has the rights of its own token', async (t) => {
    const { port, proxy } = await start(t, 'holdfast-kubernetes')
    await cluster.must(['create', 'serviceaccount', 'operator', '-n', 'holdfast'])
    await cluster.must(['create', 'serviceaccount', 'stranger', '-n', 'holdfast'])
    const grant = [
      '--clusterrole=cluster-admin',
      '--serviceaccount=holdfast:operator',
      '-n',
      'longhorn-system',
    ]
    await cluster.must(['create', 'rolebinding', 'operator', ...grant])
    const as = async (account: string, ...args: readonly string[]): Promise<Ended> => {
      const token = (await cluster.must(['create', 'token', account, '-n', 'holdfast'])).trim()
      const server = [
        '--server',
        `https://127.0.0.1:${port}`,
        '--certificate-authority',
        join(folder, 'ca.crt'),
      ]
      const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: '/dev/null' }
      return await runProgram(cluster.binaries.kubectl, [...server, '--token', token, ...args], env)
    }
    t.match(await as('operator', 'auth', 'whoami'), { stdout: /system:serviceaccount:holdfast:operator/ })
    const patch = ['patch', 'nodes.longhorn.io', 'cp', '-n', 'longhorn-system', '--type', 'merge', '-p']
    const tagged = await as('operator', ...patch, '{"spec":{"tags":["seen"]}}')
    t.equal(tagged.code, 0, tagged.stderr)
    const raised = '{"spec":{"allowScheduling":false,"evictionRequested":true}}'
    const held = await as('operator', ...patch, raised, '--request-timeout', '3s')
    t.equal(held.code, 1, held.stdout)
    // Before anything is held.
    t.match(await as('stranger', ...patch, raised), { code: 1, stderr: /Forbidden.*stranger/s })
    const node = '/apis/longhorn.io/v1beta2/namespaces/longhorn-system/nodes/cp'
    const backend = '/api/v1/namespaces/longhorn-system/services/longhorn-backend:9500/proxy/v1/nodes/cp'
    for (const token of [undefined, 'no token of this cluster']) {
      for (const path of [node, `${node}//x`, backend]) {
        const { status, body } = await put(port, authority.cert, path, token)
        t.equal(status, 401, `PUT ${path} with ${token}: ${body}`)
        t.match(JSON.parse(body), { kind: 'Status', reason: 'Unauthorized' })
      }
    }
    t.match(await proxy.said('the API server rejects the credentials of callers'), {
      why: 'stranger',
      err: { message: /answered 403: .*system:anonymous/ },
    })
    const renewed = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
    await writeFile(join(folder, 'tls.crt'), renewed.cert)
    await writeFile(join(folder, 'tls.key'), renewed.key)
    await proxy.said('a new certificate is served')
    t.match(await as('operator', 'auth', 'whoami'), { code: 0 })
    const nobody = await fetch(`http://127.0.0.1:${port}/api`).catch(() => 'no plain HTTP')
    t.equal(nobody, 'no plain HTTP')
  })

  t.test('before Longhorn’s REST API, a clean-up passes and an eviction is held', async (t) => {
    const asked: string[] = []
    const backend = http.createServer((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
      response.setHeader('content-type', 'application/json').end('{}')
    })
    backend.listen(0, '127.0.0.1')
    await once(backend, 'listening')
    t.teardown(() => backend.close())
    const upstream = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
    const { port } = await start(t, 'holdfast-longhorn', '--upstream', upstream)
    const evicted = await fetch(`http://127.0.0.1:${port}/v1/nodes/cp`, {
      method: 'PUT',
      // As the UI's nginx sends everything.
      headers: { 'content-type': 'application/json' },
      body: '{"allowScheduling":false,"evictionRequested":true}',
    })
    t.match(await evicted.json(), { type: 'error', message: /has to wait: [^]*rule eviction-during-cleanup/ })
    t.equal((await fetch(`http://127.0.0.1:${port}/v1/nodes`)).status, 200)
    t.strictSame(asked, ['GET /v1/nodes'])
  })

  t.test(
    'the hook points Longhorn’s UI at the proxy, with no right to anything else, and back',
    async (t) => {
      const kubeconfig = await kubeconfigOf('holdfast-point-ui')
      // No pod answers here, and no name of a Service is found.
      const given = (name: string) => argsOf('Job', name).filter((arg) => !arg.startsWith('--wait'))
      const point = (name: string) => run([...given(name), '--kubeconfig', kubeconfig])
      const variable = 'jsonpath={.spec.template.spec.containers[0].env[0].value}'
      const asks = () =>
        cluster.must(['get', 'deployment', 'longhorn-ui', '-n', 'longhorn-system', '-o', variable])
      t.match(await point('holdfast-point-ui'), { code: 0, stdout: /from now on/ })
      t.equal(await asks(), 'http://holdfast-longhorn.holdfast:9500')
      t.match(await point('holdfast-point-ui'), { code: 0, stdout: /already/ })
      t.match(await point('holdfast-ui-back'), { code: 0 })
      t.equal(await asks(), 'http://longhorn-backend.longhorn-system:9500')
      // README's way around a proxy that is down.
      const policy = ['delete', 'networkpolicies.networking.k8s.io', 'holdfast-backend']
      t.match(await cluster.must([...policy, '--namespace', 'longhorn-system']), 'deleted')
      const other = ['proxy', 'point-ui', 'http://x', '--deployment', 'holdfast', '--kubeconfig', kubeconfig]
      t.match(await run(other), { code: 2, stderr: /was not changed: .*forbidden/ })
    },
  )
}

/** Raises the flag of a node as a client that tidies no target up. @param ca PEM of who signed the server's certificate */
async function put(
  port: number,
  ca: string,
  path: string,
  token: string | undefined,
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const headers = {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  }
  const request = https.request({ host: '127.0.0.1', port, ca, path, method: 'PUT', headers })
  request.end('{"allowScheduling":false,"evictionRequested":true}')
  const [answer] = (await once(request, 'response')) as [http.IncomingMessage]
  return { status: answer.statusCode, body: await text(answer) }
}

function containerArgs(manifest: Manifest | undefined): readonly string[] {
  return manifest?.spec?.template?.spec.containers[0]?.args ?? []
}
