import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Configuration } from '../../configuration/configuration.ts'
import type { Settings } from '../../configuration/settings.ts'
import type { Health } from '../../doors/http/health.ts'
import { anyAddress, CannotListen } from '../../doors/http/listen.ts'
import type { Upstream } from '../../doors/proxy/relay.ts'
import { ProxyGuard, type ProxyGuardOptions, type ProxyOf } from '../../server/proxy-server.ts'
import { parseDuration } from '../../time/duration.ts'
import { CertificateFiles } from '../../tls/folder.ts'
import { type PemPair, UnusableCertificate } from '../../tls/stored.ts'
import { type Asking, connectWith, withCommonNamespace } from '../options/cluster-options.ts'
import { clusterOf } from '../options/setting-options.ts'
import { VariableOption } from '../options/variable-option.ts'
import { listeningHealth, serving, type Serving } from '../serve/serving.ts'
import { CannotRun, type CommandSurroundings } from '../surroundings.ts'
import { pagePlan } from '../ui/page-plan.ts'
import { inWords } from '../../text/system-error.ts'

/** Runs a proxy until a signal ends it. @throws CannotRun */
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
    // A local-only proxy gets no routed requests.
    lingerMs: isLoopback(listen.host) ? 0 : settings.lingerMs,
  }
  const connection = await connectWith(clusterOf(settings), asking)
  const configuration = await withCommonNamespace(settings, connection, { log, signal })
  if (configuration === undefined) return
  const modules = {
    connection,
    upstream,
    log,
    registry,
    health,
    plan: pagePlan,
    ...(certificates && { certificates }),
  }
  const proxy = await started(() => new ProxyGuard(configuration, options, modules))
  onReopen(() => proxy.reopen())
  proxy
    .whenSynced(signal)
    .catch((err: unknown) => log.debug({ err }, 'stopped before all Longhorn objects were read'))
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
    throw new CannotRun(`cannot read ${tlsCert} (--tls-cert) and ${tlsKey} (--tls-key): ${inWords(cause)}`, {
      cause,
    })
  }
}

/** Where a proxy listens. */
interface Listen {
  readonly host: string
  readonly port: number
}

/** The options of both proxies. */
export interface ProxyFlags {
  readonly listen: Listen
  readonly tls: boolean
  /** Milliseconds. */
  readonly upstreamTimeout: number
}

/** Adds the options of both proxies to a command. */
export function addProxyOptions(command: Command, { host, port }: Listen): void {
  command
    .addOption(
      new VariableOption('--listen <host:port>', 'address to listen on', 'HOLDFAST_PROXY_LISTEN')
        .argParser(hostAndPort)
        .default({ host, port }, `${host}:${port}`),
    )
    .option('--tls', 'serve TLS, with --tls-cert and --tls-key', false)
    .addOption(
      new Option('--upstream-timeout <duration>', 'how long the upstream may take to answer')
        .argParser(duration)
        .default(120_000, '2m'),
    )
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/**
 * The ports beside that of the proxy, unless they are set. A machine may run a guard and another proxy, so
 * they are free ones there, and the log names them. In a cluster each pod has its own ports, so they are the
 * usual ones.
 */
export function ownPorts({ listen }: ProxyFlags): Settings {
  return isLoopback(listen.host) ? { healthPort: 0, operatorPort: 0 } : {}
}

function hostAndPort(text: string): Listen {
  const [, host, port] = /^(?:\[?([^\]]*)\]?:)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('It must be like 127.0.0.1:8001, with a port of at most 65535.')
  return { host: host === undefined || host === '' ? '127.0.0.1' : host, port: Number(port) }
}

/** @returns milliseconds @throws InvalidArgumentError */
export function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 30s or 2m.')
  return milliseconds
}
