import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type Clock, systemClock } from '../../time/clock.ts'
import { authorizationOf, credentialsProblem } from './authorization.ts'
import { ConnectionFailure } from './failures.ts'
import type { ConfigSource, Impersonated } from './find-config.ts'
import {
  type Cluster,
  type Context,
  type Headers,
  type Impersonation,
  impersonationHeaders,
  type Kubeconfig,
  readKubeconfigs,
  type User,
} from './kubeconfig.ts'
import { isProxyScheme, proxyFromEnvironment } from './route.ts'
import { tlsFiles, type TlsMaterial } from './tls-material.ts'
import { parsedUrl, serverUrl } from './url.ts'
import { notUsable } from './usable.ts'

/** Where the API server is, the route to it, and the credentials. */
export interface Credentials {
  readonly server: URL
  /** Undefined for a direct connection. */
  readonly proxy: URL | undefined
  readonly namespace: string | undefined
  /** True for the service account of this process's pod. */
  readonly inPod: boolean
  /**
   * Asked for each request, since tokens expire, files are rotated and exec plugins give new credentials.
   *
   * @throws ConnectionFailure `credentials`
   */
  prove(): Promise<Proof>
}

/** The TLS material and the headers of one request. */
export interface Proof {
  readonly tls: TlsMaterial
  readonly headers: Headers
  /**
   * Callers call this when the API server has answered 401. Credentials that can be refreshed are refreshed
   * for the next request.
   */
  readonly refused: () => void
}

/** How to load credentials. */
interface CredentialsOptions {
  /** Instead of the current one. */
  readonly context?: string | undefined
  /** Overrides the kubeconfig; undefined parts do not. */
  readonly impersonate?: Impersonated
  /** True if an exec plugin may prompt the user. */
  readonly isInteractive?: boolean
  /** Holds the proxy variables. Exec plugins inherit it. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly clock?: Clock
}

/**
 * Loads the configuration that was found.
 *
 * @throws Error that names the file, the context or the cluster that is wrong
 */
export async function loadCredentials(
  source: ConfigSource,
  options: CredentialsOptions = {},
): Promise<Credentials> {
  const inPod = source.from === 'service-account'
  const config = inPod ? serviceAccount(source.server, source.folder) : await readKubeconfigs(source)
  const found = inPod ? 'The service account' : source.paths.join(', ')
  return credentialsOf(selected(config, found, options.context), inPod, options)
}

function serviceAccount(server: string, folder: string): Kubeconfig {
  const name = 'service-account'
  const file = (each: string): string => path.join(folder, each)
  const namespace = existsSync(file('namespace')) ? readFileSync(file('namespace'), 'utf8').trim() : undefined
  return {
    clusters: [
      {
        name,
        server,
        authority: { file: file('ca.crt') },
        insecure: false,
        serverName: undefined,
        proxyUrl: undefined,
        execConfig: undefined,
      },
    ],
    users: [{ name, tokenFile: file('token') }],
    contexts: [{ name, cluster: name, user: name, namespace }],
    currentContext: name,
  }
}

/** The parts that one context names. */
interface Selected {
  /** Its source, for messages. */
  readonly found: string
  readonly context: Context
  readonly cluster: Cluster
  readonly user: User
}

function selected(config: Kubeconfig, found: string, asked: string | undefined): Selected {
  const contexts = config.contexts.map(({ name }) => name)
  const known = contexts.length === 0 ? 'It defines no contexts.' : `Known contexts: ${contexts.join(', ')}.`
  const wanted = asked ?? config.currentContext
  if (wanted === undefined) throw new Error(`${found} has no current-context. ${known} Name the one to use.`)
  const context = config.contexts.find(({ name }) => name === wanted)
  if (!context) throw new Error(`${found} has no context "${wanted}". ${known}`)
  const cluster = config.clusters.find(({ name }) => name === context.cluster)
  if (!cluster) {
    throw new Error(
      `${found}: context "${wanted}" is for cluster "${context.cluster}", which is not defined there.`,
    )
  }
  // kubectl allows a context without a user, for servers without authentication.
  const user =
    context.user === undefined ? { name: '' } : config.users.find(({ name }) => name === context.user)
  if (!user) {
    throw new Error(
      `${found}: context "${wanted}" is for user "${context.user ?? ''}", which is not defined there.`,
    )
  }
  return { found, context, cluster, user }
}

function credentialsOf(
  { found, context, cluster, user }: Selected,
  inPod: boolean,
  { environment = {}, clock = systemClock, isInteractive = false, impersonate }: CredentialsOptions,
): Credentials {
  const problem = notUsable(cluster, user)
  if (problem !== undefined) throw new Error(`${found}: ${problem}.`)
  const server = serverUrl(cluster, found)
  const proxy = proxyOf(cluster, server, environment, found)
  const files = tlsFiles(cluster, user, clock)
  const authorize = authorizationOf({ cluster, user, server }, { environment, clock, isInteractive })
  const actAs = impersonationOf(user, impersonate)
  const impersonation = actAs ? impersonationHeaders(actAs) : {}
  return {
    server,
    proxy,
    namespace: context.namespace,
    inPod,
    prove: async () => {
      try {
        const [tls, { headers, certificate, refused }] = await Promise.all([files(), authorize()])
        return { tls: { ...tls, ...certificate }, headers: { ...headers, ...impersonation }, refused }
      } catch (error) {
        // Without its cause, since that would be logged too.
        const message = `The credentials of context "${context.name}" (${found}) cannot be used: ${credentialsProblem(user, error)}`
        throw new ConnectionFailure('credentials', message)
      }
    },
  }
}

/** Flags override the kubeconfig part by part, as in kubectl. */
function impersonationOf(
  { impersonation: given }: User,
  { user, uid, groups }: Partial<Impersonated> = {},
): Impersonation | undefined {
  const who = user ?? given?.user
  if (who !== undefined) {
    return {
      user: who,
      uid: uid ?? given?.uid,
      groups: groups ?? given?.groups ?? [],
      extra: given?.extra ?? new Map(),
    }
  }
  if (uid === undefined && groups === undefined) return undefined
  throw new Error('--as-group and --as-uid need --as with the user to act as.')
}

/** As in kubectl, `proxy-url` wins over the environment, and NO_PROXY does not apply to it. */
function proxyOf(
  { name, proxyUrl }: Cluster,
  server: URL,
  environment: Readonly<Record<string, string | undefined>>,
  found: string,
): URL | undefined {
  const proxy = proxyUrl === undefined ? proxyFromEnvironment(server, environment) : parsedUrl(proxyUrl)
  const isNone = proxyUrl === undefined && proxy === undefined
  // client-go takes three schemes in a kubeconfig, and Go one more in the environment.
  const isTaken =
    proxy && isProxyScheme(proxy.protocol) && (proxyUrl === undefined || proxy.protocol !== 'socks5h:')
  if (isNone || isTaken) return proxy
  const where =
    proxyUrl === undefined ? 'HTTPS_PROXY or HTTP_PROXY' : `${found}: the proxy-url of cluster "${name}"`
  throw new Error(`${where} must be a URL with the scheme http, https or socks5.`)
}
