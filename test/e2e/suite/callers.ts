import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import type { Test } from 'tap'
import { apiServerNames } from '../../../src/tls/api-server-folder.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueClient } from '../../../src/tls/issue.ts'
import type { PemPair } from '../../../src/tls/stored.ts'
import { disk, pending, ready } from '../../fixtures/raw-objects.ts'
import { root } from '../../fixtures/root.ts'
import { askUntil } from '../ask-until.ts'
import { rendered } from '../chart.ts'
import { ask, longhornPath } from '../cluster.ts'
import { makeClientCertificate } from '../control-plane.ts'
import type { Guards, Replica } from '../guards.ts'
import type { RealCluster } from '../real-cluster.ts'
import { calm, evict, longhorn } from '../requests.ts'
import { World } from '../world.ts'

const day = 86_400_000
const clock = { now: Date.now }

/** The API server shows the certificate that the guard asks for; no other client gets a review read. */
export async function callers(t: Test, cluster: RealCluster, guards: Guards): Promise<void> {
  const { plane } = cluster
  const authority = await readFile(join(plane.clientFolder, apiServerNames.caCert), 'utf8')
  const file = join(plane.folder, 'holdfast-client-ca/ca.crt')
  await writeFile(file, authority)
  const asking = ['--client-ca', '/etc/holdfast/client-ca/ca.crt', '--client-name', 'kube-apiserver']
  const world = new World(cluster)
  await world.node('hz', [disk('hz-a'), disk('hz-b')])
  await world.image('hz', [pending('hz-a'), ready('hz-b')])
  await world.node('hy', [disk('hy-a')])
  const leases = () =>
    cluster.must(['get', 'leases', '-n', 'holdfast', '-l', 'holdfast.dev/reservations=true', '-o', 'name'])

  /** Leaves one replica alone that was started with these flags. */
  const alone = async (...flags: readonly string[]): Promise<Replica> => {
    const before = guards.replicas
    const replica = await guards.add(...flags)
    await Promise.all(before.map((each) => guards.remove(each, 'SIGKILL')))
    return replica
  }
  t.teardown(async () => {
    await alone()
    await guards.add()
  })

  t.test('the commands in the documentation give the guard of the chart the authority', async (t) => {
    const [shown = ''] =
      /^ {3}kubectl create configmap .*$/m.exec(readFileSync(`${root}/docs/security.md`, 'utf8')) ?? []
    const args = shown.replace('certs/', `${plane.clientFolder}/`).trim().split(' ').slice(1)
    t.match(await cluster.must(args), 'configmap/holdfast-client-ca created')
    const setting = 'webhook.clientCertificates.configMap=holdfast-client-ca'
    t.match(readFileSync(`${root}/docs/security.md`, 'utf8'), `--reset-then-reuse-values --set ${setting}`)
    const yaml = rendered(cluster.binaries.helm, setting)
    t.match(yaml, 'clientCa: /etc/holdfast/client-ca/ca.crt')
    await cluster.must(['apply', '--dry-run=server', '-f', '-'], yaml)
    const kept = await cluster.must([
      'get',
      'configmap',
      'holdfast-client-ca',
      '-n',
      'holdfast',
      '-o',
      'jsonpath={.data.ca\\.crt}',
    ])
    t.equal(kept.trim(), authority.trim())
  })

  t.test('the API server shows its certificate, and its reviews are judged', async (t) => {
    const replica = await alone(...asking)
    const held = await evict(cluster, 'hz', 'hz-b', ...longhorn)
    t.match(held, { code: 1, stderr: /has to wait: [^]*rule eviction-during-cleanup/ })
    const allowed = await evict(cluster, 'hy', 'hy-a')
    t.equal(allowed.code, 0, allowed.stderr)
    t.equal((await calm(cluster, 'hy', 'hy-a')).code, 0)
    const days = (await expiry(replica)) / day
    t.ok(days > 360 && days < 366, `the certificate is good for ${days.toFixed(1)} days`)
  })

  t.test('a forged review is turned away unread, and reserves nothing', async (t) => {
    const [replica] = guards.replicas
    if (!replica) throw new Error('there is no replica')
    const node = (await ask(cluster, 'GET', longhornPath('nodes/hy'))) as { spec: object }
    const flagged = { ...node, spec: { ...node.spec, evictionRequested: true } }
    const review = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'forged',
        kind: { group: 'longhorn.io', version: 'v1beta2', kind: 'Node' },
        resource: { group: 'longhorn.io', version: 'v1beta2', resource: 'nodes' },
        name: 'hy',
        namespace: 'longhorn-system',
        operation: 'UPDATE',
        userInfo: { username: 'somebody' },
        object: flagged,
        oldObject: node,
      },
    }
    const before = await leases()
    const other = await issueClient(await makeAuthority(clock), 'kube-apiserver', clock)
    t.match(await post(replica, review), { status: 401, message: /shows no client certificate/ })
    t.match(await post(replica, review, other), { status: 403, message: /not signed by an authority/ })
    const own = join(plane.clientFolder, apiServerNames.folder)
    const client = {
      cert: await readFile(join(own, apiServerNames.cert), 'utf8'),
      key: await readFile(join(own, apiServerNames.key), 'utf8'),
    }
    t.equal(await leases(), before)
    t.match(await post(replica, review, client), { status: 200 }, 'the owner of the key is the API server')
  })

  t.test('a client certificate that is replaced is shown without a restart of the API server', async (t) => {
    await makeClientCertificate(plane.folder, 100 * day)
    // client-go looks for another certificate when it opens a connection, as to a replica that is new, and once a second at most.
    const renewed = async (): Promise<number> => {
      const replica = await alone(...asking)
      // When it finds one it closes all connections, the one that it is opening among them.
      const failed = await evict(cluster, 'hy', 'hy-a')
      if (failed.code !== 0) t.match(failed.stderr, /use of closed network connection/)
      const allowed = await evict(cluster, 'hy', 'hy-a')
      t.equal(allowed.code, 0, allowed.stderr)
      t.equal((await calm(cluster, 'hy', 'hy-a')).code, 0)
      return (await expiry(replica)) / day
    }
    const days = await askUntil(renewed, (left) => left < 360)
    t.ok(days > 99 && days < 101, `the certificate is good for ${days.toFixed(1)} days`)
  })

  t.test('the file of authorities is followed, and kubectl says why the guard takes no review', async (t) => {
    await writeFile(file, (await makeAuthority(clock)).cert)
    // The guard looks at the file each ten seconds.
    const judged = async () => {
      const asked = await evict(cluster, 'hy', 'hy-a')
      if (asked.code === 0) await calm(cluster, 'hy', 'hy-a')
      return asked
    }
    const refused = await askUntil(judged, ({ code }) => code !== 0)
    t.match(refused.stderr, /failed calling webhook "guard\.holdfast\.dev"/)
    t.match(refused.stderr, /The client certificate of kube-apiserver is not signed by an authority/)
    await writeFile(file, authority)
    t.match(await askUntil(judged, ({ code }) => code === 0), { code: 0 })
  })
}

/** In how long the client certificate ends that the replica accepted last, in milliseconds. */
async function expiry(replica: Replica): Promise<number> {
  const { healthPort } = await replica.ports()
  const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  const [, seconds] = /^holdfast_client_certificate_expiry_timestamp_seconds (.+)$/m.exec(metrics) ?? []
  return Number(seconds) * 1_000 - Date.now()
}

async function post(replica: Replica, review: object, shown: Partial<PemPair> = {}) {
  const { port } = await replica.ports()
  const headers = { 'content-type': 'application/json' }
  const address = { host: '127.0.0.1', port, path: '/validate', method: 'POST', agent: false as const }
  // It is the caller that has to prove something here.
  const sent = request({ ...address, headers, rejectUnauthorized: false, ...shown })
  sent.end(JSON.stringify(review))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk)
  const { message } = JSON.parse(text) as { readonly message?: string }
  return { status: response.statusCode, message }
}
