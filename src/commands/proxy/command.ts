import { Command, InvalidArgumentError } from 'commander'
import type { Upstream } from '../../doors/proxy/relay.ts'
import { targetOf } from '../../doors/proxy/target.ts'
import { type Credentials, loadCredentials } from '../../kubernetes/client/credentials.ts'
import { findConfig } from '../../kubernetes/client/find-config.ts'
import { tunnelTo } from '../../kubernetes/client/route.ts'
import { agentFor } from '../../server/proxy-server.ts'
import { addSettings, readSettings } from '../options/setting-options.ts'
import { url } from '../options/variable-option.ts'
import { CannotRun, type CommandSurroundings, type Environment } from '../surroundings.ts'
import { pointUiCommand } from './point-ui.ts'
import { addProxyOptions, isLoopback, ownPorts, type ProxyFlags, runProxy } from './run-proxy.ts'

/** `holdfast proxy`: the same checks where a webhook cannot see the writes. */
export function proxyCommand(surroundings: CommandSurroundings): Command {
  return new Command('proxy')
    .description('Runs a proxy in front of an API and checks writes that could crash Longhorn or lose data.')
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
    .description(
      'Runs in front of the Kubernetes API, like kubectl proxy: with your own kubeconfig, on loopback.',
    )
    .option(
      '--caller-token',
      'in a cluster: forward the bearer token of each caller instead of own credentials; needs --tls',
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
    throw new CannotRun(
      '--caller-token without --tls would show the tokens of all callers to the network: add --tls',
    )
  }
  if (!callerToken && !local) {
    throw new CannotRun(
      `--listen ${listen.host}: every client that reaches this address would act with your own rights; listen on 127.0.0.1, or use --caller-token with --tls`,
    )
  }
  const { context, kubeconfig } = configuration
  const { env: environment, isInteractive } = surroundings
  const search = { context, kubeconfig, environment, isInteractive }
  const upstream = await kubernetesApi(search, callerToken)
  await runProxy(configuration, flags, upstream, { api: 'kubernetes', localOnly: !callerToken }, surroundings)
}

/** The API server, asked with the credentials of this process's user, or of each caller. */
async function kubernetesApi(search: ApiSearch, callerToken: boolean): Promise<Upstream> {
  const credentials = await credentialsFor(search)
  const { server, proxy } = credentials
  // A tunnel through any proxy, since a forwarded request may be an upgrade.
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
/** The source of the API server's address, and whether the user can be prompted. */
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
    .description(
      'Runs in front of Longhorn’s REST API and sees each person’s own request: point Longhorn’s UI here.',
    )
    .requiredOption(
      '--upstream <url>',
      'Longhorn’s REST API without its /v1, e.g. http://longhorn-backend:9500',
      restApi,
    )
    .option(
      '--user-header <name>',
      'take the user’s name from this header; safe only if every client comes through your authenticating proxy',
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
 * Reads the address of Longhorn's REST API. An ingress before it may serve it below a path. With a version in that path
 * `/nodes/node-1` would be a node, which the proxy looks for at `/v1/nodes/node-1`: writes would pass unjudged.
 */
function restApi(text: string): URL {
  const server = url(text)
  if (targetOf(server.pathname).segments.includes('v1'))
    throw new InvalidArgumentError('It must be without /v1, which each request brings along.')
  return server
}

/** A name that HTTP accepts for a header (RFC 9110, 5.1). */
function headerName(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text
  throw new InvalidArgumentError('A header has a name such as X-Forwarded-User, without spaces.')
}
