import type { Configuration } from '../configuration/configuration.ts'
import { ProxyGuard, type ProxyGuardOptions, type ProxyOf } from '../guard/proxy-guard.ts'
import type { Upstream } from '../proxy/upstream.ts'
import { CertificateFiles } from '../tls/certificate-files.ts'
import type { PemPair } from '../tls/pem-pair.ts'
import { anyAddress } from '../webhook/any-address.ts'
import { UnusableCertificate } from '../webhook/certificate.ts'
import type { Health } from '../webhook/health.ts'
import { CannotListen } from '../webhook/listen.ts'
import { connectWith, type Asking } from './cluster-options.ts'
import { withCommonNamespace } from './common-namespace.ts'
import { CannotRun } from './exit-code.ts'
import { isLoopback, type ProxyFlags } from './proxy-options.ts'
import { listeningHealth } from './listening-health.ts'
import { serving, type Serving } from './serving.ts'
import { clusterOf } from './setting-options.ts'
import type { CommandSurroundings } from './surroundings.ts'

/** Runs a proxy until a signal asks it to end. @throws CannotRun */
export async function runProxy(
  settings: Configuration,
  flags: ProxyFlags,
  upstream: Upstream,
  of: ProxyOf,
  surroundings: CommandSurroundings,
): Promise<void> {
  await serving(settings, surroundings, (given) =>
    proxyUntilStopped(settings, flags, { ...given, upstream, of, asking: surroundings }),
  )
}

interface Proxying extends Serving {
  readonly upstream: Upstream
  readonly of: ProxyOf
  readonly asking: Asking
}

async function proxyUntilStopped(
  settings: Configuration,
  flags: ProxyFlags,
  proxying: Proxying,
): Promise<void> {
  const host = await anyAddress(flags.listen.host)
  const health = await listeningHealth(proxying, host, settings.healthPort)
  try {
    await proxyOnceItCan(settings, { ...flags, listen: { ...flags.listen, host } }, { ...proxying, health })
  } finally {
    await health.close()
  }
}

async function proxyOnceItCan(
  settings: Configuration,
  { listen, tls, upstreamTimeout }: ProxyFlags,
  {
    log,
    registry,
    signal,
    stopping,
    onReopen,
    upstream,
    of,
    asking,
    health,
  }: Proxying & { readonly health: Health },
): Promise<void> {
  const certificates = tls ? new CertificateFiles(settings.tlsCert, settings.tlsKey) : undefined
  const options: ProxyGuardOptions = {
    ...listen,
    ...of,
    tls: certificates && (await first(certificates, settings, signal)),
    answerMs: upstreamTimeout,
    // Nobody routes to what only this machine reaches.
    lingerMs: isLoopback(listen.host) ? 0 : settings.lingerMs,
  }
  const connection = await connectWith(clusterOf(settings), asking)
  const configuration = await withCommonNamespace(settings, connection, { log, signal })
  if (configuration === undefined) return
  const modules = { connection, upstream, log, registry, health, ...(certificates && { certificates }) }
  const proxy = await started(() => new ProxyGuard(configuration, options, modules))
  onReopen(() => proxy.reopen())
  proxy.whenSynced(signal).catch((err: unknown) => log.debug({ err }, 'ended before all was read'))
  await stopping
  await proxy.stop()
}

async function started(make: () => ProxyGuard): Promise<ProxyGuard> {
  try {
    const proxy = make()
    await proxy.start()
    return proxy
  } catch (error) {
    if (error instanceof CannotListen || error instanceof UnusableCertificate) {
      throw new CannotRun(error.message, { cause: error })
    }
    throw error
  }
}

async function first(
  certificates: CertificateFiles,
  { tlsCert, tlsKey }: Configuration,
  signal: AbortSignal,
): Promise<PemPair> {
  try {
    return await certificates.first(signal)
  } catch (cause) {
    throw new CannotRun(`cannot read ${tlsCert} (--tls-cert) and ${tlsKey} (--tls-key): ${String(cause)}`, {
      cause,
    })
  }
}
