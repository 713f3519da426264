import { Command, InvalidArgumentError } from 'commander'
import type { Upstream } from '../../doors/proxy/relay.ts'
import { targetOf } from '../../doors/proxy/target.ts'
import { type Credentials, findConfig, loadCredentials } from '../../kubernetes/client/credentials.ts'
import { tunnelTo } from '../../kubernetes/client/route.ts'
import { agentFor } from '../../server/proxy-server.ts'
import { addSettings, readSettings } from '../options/setting-options.ts'
import { url } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings, type Environment } from '../surroundings.ts'
import { pointUiCommand } from './point-ui.ts'
import { addProxyOptions, isLoopback, ownPorts, type ProxyFlags, runProxy } from './run-proxy.ts'

/** `holdfast proxy`: the same checks where no webhook can see. */
export function proxyCommand(surroundings: CommandSurroundings): Command {
  return new Command('proxy')
    .description(
      'Stands in front of an API, passes everything on, and judges the writes that can crash or lose.',
    )
    .addCommand(proxyLonghornCommand(surroundings))
    .addCommand(proxyKubernetesCommand(surroundings))
    .addCommand(pointUiCommand(surroundings))
}

interface KubernetesFlags extends ProxyFlags {
  readonly callerToken: boolean
}

/** `holdfast proxy kubernetes`: in front of the Kubernetes API. */
export function proxyKubernetesCommand(surroundings: CommandSurroundings): Command {
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
  $ holdfast proxy kubernetes --listen [::]:8443 --caller-token --tls --tls-cert tls.crt --tls-key tls.key`,
    )
  addProxyOptions(command, { host: '127.0.0.1', port: 8001 })
  return addSettings(command).action((flags: KubernetesFlags) =>
    runBeforeKubernetes(command, flags, surroundings),
  )
}

async function runBeforeKubernetes(
  command: Command,
  flags: KubernetesFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const configuration = await readSettings(command, ownPorts(flags))
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
  const { env: environment, isInteractive } = surroundings
  const search = { context, kubeconfig, environment, isInteractive }
  const upstream = await kubernetesApi(search, callerToken)
  await runProxy(configuration, flags, upstream, { api: 'kubernetes', localOnly: !callerToken }, surroundings)
}

/** The API server, asked with the rights of whoever started this, or of each caller. */
async function kubernetesApi(search: ApiSearch, callerToken: boolean): Promise<Upstream> {
  const credentials = await credentialsFor(search)
  const { server, proxy } = credentials
  // Through any proxy with a tunnel: what is passed on may be an upgrade.
  const { agent, fresh } = tunnelTo(server, proxy)
  return {
    server,
    host: server.host,
    options: async () => {
      const { tls, headers, refused } = await credentials.prove()
      const { cert, key, ...trust } = tls
      const way = { agent, fresh, ...trust }
      return callerToken ? way : { ...way, cert, key, headers, refused }
    },
  }
}

/** @throws CannotRun */
/** Where the API server is told of, and whether a person can be asked something. */
interface ApiSearch {
  readonly context: string | undefined
  readonly kubeconfig: string | undefined
  readonly environment: Environment
  readonly isInteractive: boolean
}

async function credentialsFor({ context, kubeconfig, ...asking }: ApiSearch): Promise<Credentials> {
  const search = { ...asking, ...(kubeconfig === undefined ? {} : { kubeconfig }) }
  try {
    return await loadCredentials(findConfig(search), { ...search, context })
  } catch (cause) {
    throw new CannotRun(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

interface LonghornFlags extends ProxyFlags {
  readonly upstream: URL
  readonly userHeader?: string
}

/** `holdfast proxy longhorn`: in front of Longhorn's REST API. */
export function proxyLonghornCommand(surroundings: CommandSurroundings): Command {
  const command = new Command('longhorn')
    .description('In front of Longhorn’s REST API, where a person’s own request is seen: point its UI here.')
    .requiredOption(
      '--upstream <url>',
      'Longhorn’s REST API without its /v1, e.g. http://longhorn-backend:9500',
      restApi,
    )
    .option(
      '--user-header <name>',
      'header in which an authenticating proxy before this one names the person; only if nobody gets around that',
      headerName,
    )
    .addHelpText(
      'after',
      `
Examples:
  $ holdfast proxy longhorn --upstream http://longhorn-backend.longhorn-system:9500 --listen [::]:9500
  $ holdfast proxy longhorn --upstream http://127.0.0.1:9500 --user-header X-Forwarded-User --hold 5m`,
    )
  addProxyOptions(command, { host: '127.0.0.1', port: 9500 })
  return addSettings(command).action((flags: LonghornFlags) =>
    runBeforeLonghorn(command, flags, surroundings),
  )
}

async function runBeforeLonghorn(
  command: Command,
  flags: LonghornFlags,
  surroundings: CommandSurroundings,
): Promise<void> {
  const configuration = await readSettings(command, ownPorts(flags))
  const { upstream: server, userHeader } = flags
  const agent = agentFor(server)
  const upstream = { server, host: undefined, options: () => ({ agent }) }
  await runProxy(configuration, flags, upstream, { api: 'longhorn', userHeader }, surroundings)
}

/**
 * Reads the address of Longhorn's REST API. What stands before it may serve it below a path. With a version in that path
 * `/nodes/node-1` would be a node, which the proxy looks for at `/v1/nodes/node-1`: writes would pass unjudged.
 */
function restApi(text: string): URL {
  const server = url(text)
  if (targetOf(server.pathname).segments.includes('v1'))
    throw new InvalidArgumentError('It must be without /v1, which each request brings along.')
  return server
}

/** A name that HTTP takes (RFC 9110, 5.1): no header has another. */
function headerName(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text
  throw new InvalidArgumentError('A header has a name such as X-Forwarded-User, without spaces.')
}
