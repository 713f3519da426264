import { Command } from 'commander'
import type { Configuration } from '../../configuration/configuration.ts'
import type { Health } from '../../doors/http/health.ts'
import { CannotListen } from '../../doors/http/listen.ts'
import type { Connection } from '../../kubernetes/client/connection.ts'
import { certificateOrigin, type ClientCa } from '../../server/certificates.ts'
import { Guard, type GuardModules } from '../../server/webhook-server.ts'
import { readClientAuthorities, UnusableClientAuthorities } from '../../tls/client-authorities.ts'
import type { CertificateSource } from '../../tls/folder.ts'
import { type PemPair, UnusableCertificate } from '../../tls/stored.ts'
import { announceReplica } from '../guard/announced-address.ts'
import { type Asking, connectWith, withCommonNamespace } from '../options/cluster-options.ts'
import { addSettings, clusterOf, readSettings } from '../options/setting-options.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { pagePlan } from '../ui/page-plan.ts'
import { listeningHealth, serving, type Serving } from './serving.ts'
import { inWords } from '../../text/system-error.ts'

/** `holdfast serve`: the guard of a real cluster. */
export function serveCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('serve')
    .description(
      'Runs the admission webhook of a cluster, over TLS. SIGTERM ends it without losing a review.',
    )
    .addHelpText(
      'after',
      `
Each setting is also an environment variable and a key of the configuration file (healthPort: 8080).

Examples:
  $ holdfast serve --tls-cert certs/tls.crt --tls-key certs/tls.key
  $ holdfast serve --client-ca certs/client-ca.crt --client-name kube-apiserver
  $ holdfast serve --config holdfast.yaml --rule below-min-copies=warn --rule no-eviction-target=off
  $ HOLDFAST_PORT=9443 holdfast serve --kubeconfig ~/.kube/config --context lab`,
    )
    .action(() => serve(command, surroundings))
  return addSettings(command)
}

async function serve(command: Command, surroundings: CommandSurroundings): Promise<void> {
  const settings = await readSettings(command)
  await serving(settings, surroundings, (given) => guardUntilStopped(settings, given, surroundings))
}

async function guardUntilStopped(settings: Configuration, serving: Serving, asking: Asking): Promise<void> {
  const health = await listeningHealth(serving, settings.host, settings.healthPort)
  try {
    await guardOnceItCan(settings, { ...serving, health, asking })
  } finally {
    await health.close()
  }
}

interface Guarding extends Serving {
  readonly health: Health
  readonly asking: Asking
}

async function guardOnceItCan(
  settings: Configuration,
  { log, registry, signal, stopping, onReopen, health, asking }: Guarding,
): Promise<void> {
  const clientCa = await firstClientCa(settings, signal)
  const connection = await connectWith(clusterOf(settings), asking)
  const configuration = await withCommonNamespace(settings, connection, { log, signal })
  if (configuration === undefined) return
  const certificates = certificateOrigin(configuration, connection, log)
  const tls = await firstCertificate(configuration, certificates, signal)
  if (tls === undefined) {
    connection.close()
    return
  }
  const { guard, operatorPort } = await startGuard(configuration, {
    connection,
    tls,
    certificates,
    ...(clientCa && { clientCa }),
    log,
    registry,
    health,
    plan: pagePlan,
  })
  onReopen(() => guard.reopen())
  // It serves while it still reads, since writes that raise no danger need not wait.
  guard
    .whenSynced(signal)
    .catch((err: unknown) => log.debug({ err }, 'stopped before all Longhorn objects were read'))
  const withdraw = await announced(operatorPort, configuration, { connection, log, signal })
  await stopping
  await withdraw()
  await guard.stop()
}

/** People's commands find a guard outside pods by this address. @returns withdraws it */
async function announced(
  operatorPort: number,
  { namespace, replica }: Configuration,
  { connection, log, signal }: Pick<Serving, 'log' | 'signal'> & { readonly connection: Connection },
): Promise<() => Promise<void>> {
  const nothing = (): Promise<void> => Promise.resolve()
  if (connection.inPod || namespace === undefined) return nothing
  try {
    return await announceReplica(connection, { namespace, replica, operatorPort }, signal)
  } catch (err) {
    if (!signal.aborted) log.warn({ err }, 'holdfast audit and status do not find this guard by themselves')
    return nothing
  }
}

/** @returns undefined if the guard was stopped before it had one */
async function firstCertificate(
  { certificateSecret, tlsCert, tlsKey }: Configuration,
  certificates: CertificateSource,
  signal: AbortSignal,
): Promise<PemPair | undefined> {
  try {
    return await certificates.first(signal)
  } catch (cause) {
    if (signal.aborted) {
      await certificates.stop()
      return undefined
    }
    if (certificateSecret !== undefined) throw cause
    throw new CannotRun(
      `cannot read ${tlsCert} (--tls-cert) and ${tlsKey} (--tls-key): ${inWords(cause)}\nMake a certificate with: holdfast certs --dir certs --dns localhost`,
      { cause },
    )
  }
}

/** Before any request to the cluster: waiting does not make a missing file appear. */
async function firstClientCa(
  { clientCa: path }: Configuration,
  signal: AbortSignal,
): Promise<ClientCa | undefined> {
  if (path === undefined) return undefined
  try {
    return { path, authorities: await readClientAuthorities(path, signal) }
  } catch (error) {
    if (error instanceof UnusableClientAuthorities) throw new CannotRun(error.message, { cause: error })
    throw error
  }
}

async function startGuard(
  configuration: Configuration,
  modules: GuardModules,
): Promise<{ readonly guard: Guard; readonly operatorPort: number }> {
  try {
    const guard = new Guard(configuration, modules)
    const { operatorPort } = await guard.start()
    return { guard, operatorPort }
  } catch (error) {
    if (error instanceof CannotListen || error instanceof UnusableCertificate) {
      throw new CannotRun(error.message, { cause: error })
    }
    throw error
  }
}
