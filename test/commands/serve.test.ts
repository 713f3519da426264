import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { registration } from '../../src/doors/webhook/registration.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'
import { withoutKubectl as skip } from '../fixtures/kubectl.ts'
import { untilHung } from '../fixtures/limits.ts'
import { comesTrue, namespace } from './guarded-cluster.ts'
import { type Ended, logOf, run, runProgram, start, startProcess } from './holdfast.ts'

const evictDisk2 = JSON.stringify({
  spec: { disks: { 'disk-2': { allowScheduling: false, evictionRequested: true } } },
})
const longhornAccount = 'system:serviceaccount:longhorn-system:longhorn-service-account'

/** The addresses of a guard, and a quick end. */
const places = [
  ...['--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--operator-port', '0'],
  ...['--linger', '0s'],
]

/** An embedded cluster, a folder, and kubectl for it. */
async function cluster(t: Test, drainMs: number) {
  const sandbox = await embeddedCluster(t, { longhorn: { drainMs } })
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, sandbox.kubeconfig)
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
  const kubectl = (...args: string[]): Promise<Ended> => runProgram('kubectl', args, env)
  return { sandbox, folder, kubeconfig, kubectl }
}

/** `holdfast serve` against a cluster, registered there by hand as README says. @param how as a process or within this */
async function guarded(t: Test, { drainMs, how }: { drainMs: number; how: typeof start }) {
  const { sandbox, folder, kubeconfig, kubectl } = await cluster(t, drainMs)
  const certs = join(folder, 'certs')
  const made = await run(['certs', '--dir', certs, '--dns', 'localhost', '--ip', '127.0.0.1'])
  t.equal(made.code, 0, made.stderr)
  const files = ['--tls-cert', join(certs, 'tls.crt'), '--tls-key', join(certs, 'tls.key')]
  const guard = how(['serve', '--kubeconfig', kubeconfig, ...files, ...places])
  t.teardown(guard.end)
  const logged = logOf(guard)
  const { port, healthPort, operatorPort } = await logged('listening')
  await logged('every Longhorn object is read')
  const file = join(folder, 'registration.json')
  const authorityCert = await readFile(join(certs, 'ca.crt'), 'utf8')
  const url = `https://127.0.0.1:${String(port)}/validate`
  await writeFile(file, JSON.stringify(registration({ url, authorityCert, timeoutSeconds: 10 })))
  const registered = await kubectl('apply', '-f', file)
  t.equal(registered.code, 0, registered.stderr)
  const cleaned = sandbox.cluster.uuidOf('node-1/disk-1')
  const cleanUp = JSON.stringify({ spec: { diskFileSpecMap: { [cleaned]: null } } })
  return {
    sandbox,
    kubectl,
    guard,
    healthPort: String(healthPort),
    operatorPort: String(operatorPort),
    cleaned,
    cleanUp,
  }
}

function patch(kind: string, name: string, body: string): string[] {
  return ['patch', `${kind}.longhorn.io`, name, '--type', 'merge', '-p', body]
}

t.test(
  'a guard that is registered by hand denies with the reason, and lets writes that clear flags pass',
  { skip },
  async (t) => {
    const { sandbox, kubectl, cleaned, cleanUp, guard, healthPort, operatorPort } = await guarded(t, {
      drainMs: 600_000,
      how: startProcess,
    })
    t.equal((await kubectl(...patch('backingimages', 'ubuntu-22.04', cleanUp))).code, 0)

    const status = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${operatorPort}/status`, { signal: untilHung() })).text()
    await comesTrue(async () => (await status()).includes('"image":"ubuntu-22.04"'))
    t.match(JSON.parse(await status()), {
      synced: true,
      holds: 0,
      pendingCleanups: [{ image: 'ubuntu-22.04' }],
    })
    const refused = await kubectl(...patch('nodes', 'node-1', evictDisk2), '--as', longhornAccount)
    t.equal(refused.code, 1)
    for (const named of [
      'ubuntu-22.04',
      'disk-1',
      cleaned,
      'node-1',
      'Next:  The eviction is allowed as soon as',
    ]) {
      t.match(refused.stderr, named)
    }
    const cleared = JSON.stringify({ spec: { disks: { 'disk-2': { evictionRequested: false } } } })
    t.equal((await kubectl(...patch('nodes', 'node-1', cleared), '--as', longhornAccount)).code, 0)
    const dryRun = await kubectl(
      ...patch('nodes', 'node-1', evictDisk2),
      '--as',
      longhornAccount,
      '--dry-run=server',
    )
    t.match(dryRun.stderr, /has to wait: [^]*rule eviction-during-cleanup/)
    const recorded = await fetch(`http://127.0.0.1:${operatorPort}/audit`)
    const records = (await recorded.text()).trimEnd().split('\n')
    t.match(
      records.map((line) => JSON.parse(line) as unknown),
      [
        { verdict: 'refuse', dryRun: false, actor: { user: longhornAccount }, object: { name: 'node-1' } },
        { verdict: 'refuse', dryRun: true, findings: [{ rule: 'eviction-during-cleanup', effect: 'hold' }] },
      ],
    )
    const node = await kubectl('get', 'nodes.longhorn.io', 'node-1', '-o', 'jsonpath={.spec.disks.disk-2}')
    t.match(JSON.parse(node.stdout), { evictionRequested: false }, 'nothing was written')
    t.strictSame(sandbox.longhorn.crashes, [])

    t.equal((await fetch(`http://127.0.0.1:${healthPort}/readyz`)).status, 200)
    const metrics = await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
    t.match(metrics, /^process_cpu_seconds_total /m, 'the process is measured')
    guard.kill('SIGTERM')
    t.equal(await guard.exit, 0, 'SIGTERM ends it cleanly')
  },
)

t.test('kubectl waits until the clean-up has ended, and then succeeds', { skip }, async (t) => {
  const { sandbox, kubectl, cleaned, cleanUp, healthPort } = await guarded(t, {
    drainMs: 600_000,
    how: start,
  })
  t.equal((await kubectl(...patch('backingimages', 'ubuntu-22.04', cleanUp))).code, 0)
  const evicting = kubectl(...patch('nodes', 'node-1', evictDisk2))
  const metrics = async (): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${healthPort}/metrics`)).text()
  // A wait of less than a second brings no warning.
  await comesTrue(async () => /^holdfast_hold_waited_seconds\{.*\} [1-9]/m.test(await metrics()))
  const path = `/apis/longhorn.io/v1beta2/namespaces/${namespace}/backingimages/ubuntu-22.04/status`
  const ended = await fetch(sandbox.api.url + path, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ status: { diskFileStatusMap: { [cleaned]: null } } }),
  })
  t.equal(ended.status, 200, 'the clean-up has ended')
  t.match(await evicting, {
    code: 0,
    stdout: 'node.longhorn.io/node-1 patched\n',
    stderr:
      /^Warning: evicting disk-2 of node-1 waited \d+s for this: backing image ubuntu-22.04 is still being removed .*\n$/,
  })
  t.match(await metrics(), /^holdfast_hold_seconds_count [1-9]/m, 'it was held')
  const shown = await kubectl('get', 'backingimages.longhorn.io', 'ubuntu-22.04', '-o', 'yaml')
  t.notMatch(shown.stdout, cleaned)
  t.strictSame(sandbox.longhorn.crashes, [])
})

t.test('a guard makes its own certificate and publishes it before it serves', { skip }, async (t) => {
  const { folder, kubeconfig, kubectl, sandbox } = await cluster(t, 600_000)
  const secret = join(folder, 'secret.json')
  await writeFile(secret, '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"holdfast-tls"}}')
  t.equal((await kubectl('apply', '-n', 'holdfast', '-f', secret)).code, 0)
  const file = join(folder, 'registration.json')
  const nowhere = registration({ url: 'https://localhost:1/validate', authorityCert: '', timeoutSeconds: 10 })
  await writeFile(file, JSON.stringify(nowhere))
  t.equal((await kubectl('apply', '-f', file)).code, 0)

  const own = ['--certificate-secret', 'holdfast-tls', '--server-name', 'localhost']
  const guard = start(['serve', '--kubeconfig', kubeconfig, ...own, ...places])
  t.teardown(guard.end)
  const logged = logOf(guard)
  const { port } = await logged('listening')
  await logged('every Longhorn object is read')
  const here = [
    {
      op: 'replace',
      path: '/webhooks/0/clientConfig/url',
      value: `https://localhost:${String(port)}/validate`,
    },
  ]
  const moved = ['patch', 'validatingwebhookconfiguration', 'holdfast', '--type', 'json']
  t.equal((await kubectl(...moved, '-p', JSON.stringify(here))).code, 0)
  const all = JSON.stringify({ spec: { diskFileSpecMap: null } })
  const refused = await kubectl(...patch('backingimages', 'ubuntu-22.04', all))
  t.match(refused.stderr, 'last-usable-copy')
  t.strictSame(sandbox.longhorn.crashes, [])
  guard.kill('SIGTERM')
  t.equal(await guard.exit, 0)
  const lease = await kubectl(
    ...['-n', 'holdfast', 'get', 'lease', 'certificate-writer', '-o', 'jsonpath={.spec.holderIdentity}'],
  )
  t.strictSame([lease.code, lease.stdout], [0, ''], 'another replica can lead at once')
})

t.test('a guard that still waits for its first certificate ends at a signal', async (t) => {
  const { kubeconfig } = await cluster(t, 600_000)
  const guard = start(['serve', '--kubeconfig', kubeconfig, '--certificate-secret', 'not-there', ...places])
  t.teardown(guard.end)
  const said = await logOf(guard)('certificates cannot be renewed or published')
  t.match(said.err, { message: /no Secret not-there in namespace holdfast/ })
  guard.kill('SIGTERM')
  t.equal(await guard.exit, 0)
})
