import type { Registry } from 'prom-client'
import { configure } from '../../configuration/configuration.ts'
import type { Settings } from '../../configuration/settings.ts'
import { registration } from '../../doors/webhook/registration.ts'
import type { DecisionListener } from '../../gate/ports.ts'
import { connectTo } from '../../kubernetes/client/connection.ts'
import { createLog } from '../../observability/log.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { agreeOnNamespace } from '../../server/guard-namespace.ts'
import { Guard } from '../../server/webhook-server.ts'
import { systemClock } from '../../time/clock.ts'
import { makeAuthority } from '../../tls/authority.ts'
import { issueServing } from '../../tls/issue.ts'
import { announceReplica } from '../guard/announced-address.ts'
import type { Output } from '../surroundings.ts'
import { pagePlan } from '../ui/page-plan.ts'

/** How long an ended change counts here. These managers look every half a second, Longhorn's take seconds. */
export const sandboxSettle = '2s'

/**
 * Puts a guard in front of the embedded cluster, like `holdfast serve`, and registers it. Its certificate is
 * in memory only.
 *
 * @param stderr for the guard's errors
 * @param settings of the guard, besides those that put it in front of this cluster
 * @param registry for the metrics of the guard
 */
export async function guardSandbox(
  sandbox: Sandbox,
  audit: DecisionListener,
  stderr: Output,
  signal: AbortSignal,
  settings: Settings = {},
  registry?: Registry,
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
  const guard = new Guard(
    { ...configuration, namespace },
    {
      connection,
      tls,
      log,
      audit,
      plan: pagePlan,
      ...(registry && { registry }),
    },
  )
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
