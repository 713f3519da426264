import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { DoctorFinding } from '../../src/commands/doctor/finding.ts'
import { registration } from '../../src/doors/webhook/registration.ts'
import { type JsonObject, object } from '../../src/sandbox/json.ts'
import { kubeconfigFor } from '../../src/sandbox/sandbox.ts'
import { makeAuthority } from '../../src/tls/authority.ts'
import { comesTrue } from '../commands/guarded-cluster.ts'
import { logOf, run, runProgram, start } from '../commands/holdfast.ts'
import { embeddedCluster } from '../fixtures/embedded-cluster.ts'

/** Registrations of webhooks. */
export const webhooks = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingwebhookconfigurations',
}
const secrets = { group: '', version: 'v1', plural: 'secrets' }

/** A cluster with a registration, and a guard that makes its own certificate, when it is started. */
export async function served(t: Test, release = 'v1.9.2') {
  const longhorn = { drainMs: 50, syncMs: 50, restartMs: 50 }
  const sandbox = await embeddedCluster(t, { release, images: 1, longhorn })
  const folder = t.testdir()
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(sandbox.api.url, 'default'))
  const { client } = sandbox
  const authority = await makeAuthority({ now: Date.now })
  const url = 'https://localhost:1/validate'
  await client.create(webhooks, registration({ url, authorityCert: authority.cert, timeoutSeconds: 10 }))
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: kubeconfig }
  const follow = (command: string) => runProgram('bash', ['-c', command], env)
  const holdfast = (...args: string[]) => run([...args, '--kubeconfig', kubeconfig])
  /** Writes texts into the Secret, which is made if it is not there. */
  const write = async (name: string, data: Readonly<Record<string, string>>) => {
    const found = await client.get(secrets, 'holdfast', name)
    const metadata = { name, namespace: 'holdfast' }
    const made = found ?? (await client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata }))
    const encoded = Object.entries(data).map(
      ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
    )
    await client.update(secrets, { ...made, data: { ...object(made.data), ...Object.fromEntries(encoded) } })
  }
  const find = async (
    check: DoctorFinding['check'],
    ...args: string[]
  ): Promise<DoctorFinding | undefined> => {
    const { stdout } = await holdfast('doctor', '-o', 'json', '--namespace', 'holdfast', ...args)
    const { findings } = JSON.parse(stdout) as { findings: DoctorFinding[] }
    return findings.find((each) => each.check === check)
  }
  const isWell = (check: DoctorFinding['check'], ...args: string[]) =>
    comesTrue(async () => (await find(check, ...args))?.level === 'ok')
  /** The server that the API server calls, and its trusted authority. */
  const point = async (change: (clientConfig: JsonObject) => object) => {
    const stored = await client.get(webhooks, '', 'holdfast')
    const [webhook] = [stored?.webhooks].flat().map((each) => object(each))
    const clientConfig = change(object(webhook?.clientConfig))
    if (stored) await client.update(webhooks, { ...stored, webhooks: [{ ...webhook, clientConfig }] })
  }
  /** A replica as the chart starts it, once more. @returns what ends it, its log and its metrics */
  const guard = async () => {
    const ports = ['--port', '0', '--health-port', '0', '--operator-port', '0', '--linger', '0s']
    const own = ['--certificate-secret', 'holdfast-tls', '--server-name', 'localhost', '--host', '127.0.0.1']
    const running = start(['serve', '--kubeconfig', kubeconfig, '--namespace', 'holdfast', ...own, ...ports])
    t.teardown(running.end)
    const logged = logOf(running)
    const { port, healthPort } = await logged('listening')
    await point((clientConfig) => ({ ...clientConfig, url: `https://localhost:${String(port)}/validate` }))
    const metrics = async () => (await fetch(`http://127.0.0.1:${String(healthPort)}/metrics`)).text()
    return { end: running.end, logged, metrics }
  }
  return { sandbox, client, write, point, follow, holdfast, find, isWell, guard }
}
