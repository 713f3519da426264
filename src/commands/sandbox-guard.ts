import { configure } from '../configuration/configuration.ts'
import type { Settings } from '../configuration/settings.ts'
import type { DecisionListener } from '../gate/ports.ts'
import { Guard } from '../guard/guard.ts'
import { agreeOnNamespace } from '../guard/guard-namespace.ts'
import { systemClock } from '../time/clock.ts'
import { connectTo } from '../kubernetes/connection.ts'
import { announceReplica } from '../kubernetes/replica-address.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { createLog } from '../telemetry/log.ts'
import { makeAuthority } from '../tls/authority.ts'
import { issueServing } from '../tls/issue.ts'
import { registration } from '../webhook/registration.ts'
import type { Output } from './surroundings.ts'

/** What is over still counts so long here: its managers look every half a second, where Longhorn's take seconds. */
export const sandboxSettle = '2s'

/**
 * Puts a guard in front of the embedded cluster, as `holdfast serve` would be, and registers it. Its certificate
 * lives in memory only.
 *
 * @param stderr where the guard logs errors
 * @param settings of the guard, besides those that put it in front of this cluster
 */
export async function guardSandbox(
  sandbox: Sandbox,
  audit: DecisionListener,
  stderr: Output,
  signal: AbortSignal,
  settings: Settings = {},
): Promise<Guard> {
  const authority = await makeAuthority(systemClock)
  const tls = await issueServing(authority, { dns: ['localhost'], ips: ['127.0.0.1'] }, systemClock)
  const here = {
    host: '127.0.0.1',
    port: 0,
    healthPort: 0,
    operatorPort: 0,
    linger: '0s',
    auditLog: 'off',
  } as const
  const configuration = configure([{ ...here, settle: sandboxSettle, ...settings }])
  const log = createLog('error', stderr)
  const connection = connectTo(sandbox.api.url)
  const { namespace } = await agreeOnNamespace(configuration, connection, signal)
  const guard = new Guard({ ...configuration, namespace }, { connection, tls, log, audit })
  const { port, operatorPort } = await guard.start()
  await announceReplica(connection, { namespace, replica: configuration.replica, operatorPort }, signal)
  await guard.whenSynced(signal)
  await sandbox.client.create(
    { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingwebhookconfigurations' },
    registration({
      url: `https://127.0.0.1:${port}/validate`,
      authorityCert: authority.cert,
      longhornNamespace: sandbox.namespace,
      timeoutSeconds: 10,
    }),
  )
  return guard
}
