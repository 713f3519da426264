import { Command, InvalidArgumentError, Option } from 'commander'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { readFile } from 'node:fs/promises'
import type { Configuration } from '../configuration/configuration.ts'
import { parseDuration } from '../configuration/duration.ts'
import { findConfig } from '../kubernetes/config-source.ts'
import { loadCredentials } from '../kubernetes/credentials.ts'
import { agentFor, ProxyGuard, type ProxyOf } from '../guard/proxy-guard.ts'
import type { Upstream } from '../proxy/upstream.ts'
import { createLog } from '../telemetry/log.ts'
import { CannotListen } from '../webhook/listen.ts'
import { connectWith } from './cluster-options.ts'
import { CannotRun } from './exit-code.ts'
import { clusterOf, addSettings, readSettings } from './setting-options.ts'
import { untilSignal } from './until-signal.ts'

interface Listen {
  readonly host: string
  readonly port: number
}

interface ProxyFlags {
  readonly listen: Listen
  readonly tls: boolean
  readonly upstreamTimeout: number
}

interface LonghornFlags extends ProxyFlags {
  readonly upstream: URL
  readonly userHeader?: string
}

interface KubernetesFlags extends ProxyFlags {
  readonly callerToken: boolean
}

/** `holdfast proxy`: the same checks where no webhook can see. */
export function proxyCommand(): Command {
  return new Command('proxy')
    .description(
      'Stands in front of an API, passes everything on, and judges the writes that can crash or lose.',
    )
    .addCommand(longhornCommand())
    .addCommand(kubernetesCommand())
}

function longhornCommand(): Command {
  const command = new Command('longhorn')
    .description('In front of Longhorn’s REST API, where a person’s own request is seen: point its UI here.')
    .requiredOption('--upstream <url>', 'Longhorn’s REST API, e.g. http://longhorn-backend:9500', url)
    .option(
      '--user-header <name>',
      'header in which an authenticating proxy before this one names the person; only if nobody gets around that',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast proxy longhorn --upstream http://longhorn-backend.longhorn-system:9500 --listen 0.0.0.0:9500
  $ holdfast proxy longhorn --upstream http://127.0.0.1:9500 --user-header X-Forwarded-User --hold 5m`,
    )
  addProxyOptions(command, { host: '127.0.0.1', port: 9500 })
  return addSettings(command).action((flags: LonghornFlags) => runLonghorn(command, flags))
}

function kubernetesCommand(): Command {
  const command = new Command('kubernetes')
    .description('In front of the Kubernetes API, like kubectl proxy: with your own kubeconfig, on loopback.')
    .option(
      '--caller-token',
      'in a cluster: pass on the bearer token of whoever asks, in the place of credentials of its own; takes --tls',
      false,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast proxy kubernetes --listen 127.0.0.1:8001
  $ kubectl --server http://127.0.0.1:8001 get nodes.longhorn.io -n longhorn-system
  $ holdfast proxy kubernetes --listen 0.0.0.0:8443 --caller-token --tls --tls-cert tls.crt --tls-key tls.key`,
    )
  addProxyOptions(command, { host: '127.0.0.1', port: 8001 })
  return addSettings(command).action((flags: KubernetesFlags) => runKubernetes(command, flags))
}

function addProxyOptions(command: Command, { host, port }: Listen): void {
  command
    .addOption(
      new Option('--listen <host:port>', 'where to listen')
        .argParser(hostAndPort)
        .default({ host, port }, `${host}:${port}`)
        .env('HOLDFAST_PROXY_LISTEN'),
    )
    .option('--tls', 'serve TLS, with --tls-cert and --tls-key', false)
    .addOption(
      new Option('--upstream-timeout <duration>', 'how long the upstream may take to answer')
        .argParser(duration)
        .default(120_000, '2m'),
    )
}

async function runLonghorn(command: Command, flags: LonghornFlags): Promise<void> {
  const configuration = await readSettings(command)
  const { upstream: server, userHeader } = flags
  const agent = agentFor(server)
  const upstream: Upstream = { server, host: undefined, options: () => ({ agent }) }
  await run(configuration, flags, upstream, { api: 'longhorn', userHeader })
}

async function runKubernetes(command: Command, flags: KubernetesFlags): Promise<void> {
  const configuration = await readSettings(command)
  const { callerToken, tls, listen } = flags
  const local = isLoopback(listen.host)
  if (callerToken && !tls && !local) {
    throw new CannotRun('--caller-token without --tls would show everybody’s token to the network: add --tls')
  }
  if (!callerToken && !local) {
    throw new CannotRun(
      `--listen ${listen.host}: whoever reaches this would act with your own rights; listen on 127.0.0.1, or use --caller-token with --tls`,
    )
  }
  const { context, kubeconfig } = configuration
  const credentials = await loadCredentials(
    findConfig(kubeconfig === undefined ? {} : { kubeconfig }),
    context,
  ).catch((cause: unknown) => {
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  })
  const { server } = credentials
  const agent = agentFor(server)
  const upstream: Upstream = {
    server,
    host: server.host,
    options: async () => {
      const { headers, ca, cert, key, rejectUnauthorized, servername, ...rest } = await credentials.apply()
      const trust = { agent: rest.agent ?? agent, ca, rejectUnauthorized, servername }
      return callerToken ? trust : { ...trust, cert, key, headers }
    },
  }
  await run(configuration, flags, upstream, { api: 'kubernetes', localOnly: !callerToken })
}

async function run(
  configuration: Configuration,
  { listen, tls, upstreamTimeout }: ProxyFlags,
  upstream: Upstream,
  of: ProxyOf,
): Promise<void> {
  const log = createLog(configuration.logLevel, process.stdout)
  const ended = new AbortController()
  const stopping = untilSignal().then((name) => {
    log.info({ signal: name }, 'stopping')
    ended.abort(new Error('The proxy was stopped.'))
  })
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const options = {
    ...listen,
    ...of,
    tls: tls ? await certificate(configuration) : undefined,
    answerMs: upstreamTimeout,
  }
  const connection = await connectWith(clusterOf(configuration))
  const proxy = new ProxyGuard(configuration, options, { connection, upstream, log, registry })
  try {
    await proxy.start()
  } catch (error) {
    if (error instanceof CannotListen) throw new CannotRun(error.message, { cause: error })
    throw error
  }
  proxy.whenSynced(ended.signal).catch((err: unknown) => log.debug({ err }, 'ended before all was read'))
  await stopping
  await proxy.stop()
}

async function certificate({ tlsCert, tlsKey }: Configuration): Promise<{ cert: string; key: string }> {
  try {
    return { cert: await readFile(tlsCert, 'utf8'), key: await readFile(tlsKey, 'utf8') }
  } catch (cause) {
    throw new CannotRun(`cannot read ${tlsCert} (--tls-cert) and ${tlsKey} (--tls-key): ${String(cause)}`, {
      cause,
    })
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function hostAndPort(text: string): Listen {
  const [, host, port] = /^(?:\[?([^\]]*)\]?:)?(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('It must be like 127.0.0.1:8001.')
  return { host: host === undefined || host === '' ? '127.0.0.1' : host, port: Number(port) }
}

function url(text: string): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must be a URL such as http://longhorn-backend:9500.')
  }
  return new URL(text)
}

function duration(text: string): number {
  const milliseconds = parseDuration(text)
  if (milliseconds === undefined) throw new InvalidArgumentError('It must be a duration such as 30s or 2m.')
  return milliseconds
}
