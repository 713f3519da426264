import { Command } from 'commander'
import { findConfig } from '../kubernetes/config-source.ts'
import { loadCredentials, type Credentials } from '../kubernetes/credentials.ts'
import { tunnelTo } from '../kubernetes/way.ts'
import type { Upstream } from '../proxy/upstream.ts'
import { CannotRun } from './exit-code.ts'
import { addProxyOptions, isLoopback, ownPorts, type ProxyFlags } from './proxy-options.ts'
import { runProxy } from './run-proxy.ts'
import { addSettings, readSettings } from './setting-options.ts'
import type { CommandSurroundings, Environment } from './surroundings.ts'

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
  return addSettings(command).action((flags: KubernetesFlags) => runBeforeKubernetes(command, flags, surroundings))
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
