import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import path from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { ConnectionFailure } from './connection-failure.ts'
import type { ConfigSource } from './config-source.ts'
import { credentialsProblem } from './credentials-problem.ts'
import { mergeKubeconfigs } from './kubeconfig-files.ts'

/** Where the API server is, and how to prove who asks. */
export interface Credentials {
  readonly server: URL
  readonly namespace: string | undefined
  /** True for the service account of the pod that this runs in. */
  readonly inPod: boolean
  /**
   * The TLS material, the headers and, if the cluster is behind a proxy, the agent of one request. To be asked for
   * each request: tokens expire, files are rotated, exec plugins answer anew.
   *
   * @throws ConnectionFailure `credentials`
   */
  apply(): Promise<RequestOptions>
}

/**
 * Loads what was found.
 *
 * @param context instead of the current one
 * @throws Error that names the file, the context or the cluster that is wrong
 */
export async function loadCredentials(source: ConfigSource, context?: string): Promise<Credentials> {
  const config = await loadKubeConfig(source, context)
  return source.from === 'files'
    ? credentialsOf(config, source.paths.join(', '), false)
    : credentialsOf(config, 'The service account', true)
}

/**
 * The same for client-node, whose KubeConfig knows tokens and their reload, client certificates, exec plugins, OIDC
 * and proxies. It takes 0.3–0.5 s and 89 MB to import, so it is imported only when a command really talks to a
 * cluster.
 *
 * @throws Error that names the file that is wrong
 */
export async function loadKubeConfig(source: ConfigSource, context?: string): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config =
    source.from === 'files'
      ? mergeKubeconfigs(source, () => new KubeConfig())
      : serviceAccount(source.server, source.folder, new KubeConfig())
  if (context !== undefined) config.setCurrentContext(context)
  return config
}

/** As `KubeConfig.loadFromCluster` does, but not bound to the process's environment and one fixed folder. */
function serviceAccount(server: string, folder: string, config: KubeConfig): KubeConfig {
  const name = 'service-account'
  const tokenFile = path.join(folder, 'token')
  config.loadFromOptions({
    clusters: [{ name, server, caFile: path.join(folder, 'ca.crt'), skipTLSVerify: false }],
    users: [{ name, authProvider: { name: 'tokenFile', config: { tokenFile } } }],
    contexts: [{ name, cluster: name, user: name, namespace: namespaceOf(folder) }],
    currentContext: name,
  })
  return config
}

function namespaceOf(folder: string): string | undefined {
  const file = path.join(folder, 'namespace')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

function credentialsOf(config: KubeConfig, found: string, inPod: boolean): Credentials {
  const contexts = config.getContexts().map(({ name }) => name)
  const known = contexts.length === 0 ? 'It defines no contexts.' : `Known contexts: ${contexts.join(', ')}.`
  const wanted: string | undefined = config.getCurrentContext()
  if (!wanted) throw new Error(`${found} has no current-context. ${known} Name the one to use.`)
  const context = config.getContextObject(wanted)
  if (!context) throw new Error(`${found} has no context "${wanted}". ${known}`)
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (!cluster) {
    throw new Error(
      `${found}: context "${wanted}" is for cluster "${context.cluster}", which is not defined there.`,
    )
  }
  if (!user) {
    throw new Error(`${found}: context "${wanted}" is for user "${context.user}", who is not defined there.`)
  }
  if (!URL.canParse(cluster.server)) {
    throw new Error(`${found}: the server of cluster "${cluster.name}" is not a URL.`)
  }
  const behindProxy = cluster.proxyUrl !== undefined
  return {
    server: new URL(cluster.server),
    namespace: context.namespace,
    inPod,
    apply: async () => {
      const options: RequestOptions = { headers: {} }
      try {
        await config.applyToHTTPSOptions(options)
      } catch (error) {
        // Without its cause: that would be logged too.
        const message = `The credentials of context "${wanted}" (${found}) cannot be used: ${credentialsProblem(user, error)}`
        throw new ConnectionFailure('credentials', message)
      }
      // KubeConfig makes an agent each time, which would mean a new connection for each request.
      if (!behindProxy) delete options.agent
      return options
    },
  }
}
