import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { type Clock, systemClock } from '../../time/clock.ts'
import { authorizationOf, credentialsProblem } from './authorization.ts'
import { ConnectionFailure } from './failures.ts'
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

/** The parts of an impersonation. */
interface Impersonated {
  readonly user: string | undefined
  readonly uid: string | undefined
  readonly groups: readonly string[] | undefined
}

/** Where to look for the configuration of a cluster. */
export interface ConfigSearch {
  /** A kubeconfig file to use instead of all other sources. */
  readonly kubeconfig?: string
  /** The context to use instead of the current one. */
  readonly context?: string
  /** The identity to impersonate. It overrides the kubeconfig; undefined parts do not. */
  readonly impersonate?: Impersonated
  /** True if an exec plugin may prompt the user at the terminal of this process. Default: false. */
  readonly isInteractive?: boolean
  /**
   * The environment. `KUBECONFIG`, `HOME`, `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are read.
   * Default: empty.
   */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Where the kubelet mounts the service account; the default is that of every pod. */
  readonly serviceAccountFolder?: string
}

/** The source of the configuration. */
type ConfigSource =
  | { readonly from: 'files'; readonly paths: readonly string[]; readonly mustExist: boolean }
  | { readonly from: 'service-account'; readonly server: string; readonly folder: string }

/**
 * Finds the configuration as kubectl does: the file that is named, the files of `KUBECONFIG`, `~/.kube/config`, the pod's
 * service account, in this order. A service account has no contexts, so a requested context skips it.
 *
 * @throws Error that says where it looked
 */
export function findConfig(search: ConfigSearch): ConfigSource {
  const environment = search.environment ?? {}
  if (search.kubeconfig !== undefined) return { from: 'files', paths: [search.kubeconfig], mustExist: true }

  const listed = (environment.KUBECONFIG ?? '').split(path.delimiter).filter((name) => name !== '')
  if (listed.length > 0) return { from: 'files', paths: listed, mustExist: false }

  const home = environment.HOME
  const usual = home === undefined || home === '' ? undefined : path.join(home, '.kube', 'config')
  if (usual !== undefined && existsSync(usual)) return { from: 'files', paths: [usual], mustExist: true }

  const folder = search.serviceAccountFolder ?? '/var/run/secrets/kubernetes.io/serviceaccount'
  const server = inClusterServer(environment)
  const inPod = server !== undefined && existsSync(path.join(folder, 'token'))
  if (inPod && search.context === undefined) return { from: 'service-account', server, folder }

  throw new Error(
    'No cluster configuration was found. Tried: an explicit kubeconfig (none given); KUBECONFIG (not set); ' +
      `${usual === undefined ? '~/.kube/config (HOME is not set)' : `${usual} (does not exist)`}; ` +
      `the service account of a pod (${inPod ? 'it has no contexts, and one was asked for' : `none in ${folder}`}). ` +
      'Name a kubeconfig file, or set KUBECONFIG.',
  )
}

function inClusterServer(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const host = environment.KUBERNETES_SERVICE_HOST
  if (host === undefined || host === '') return undefined
  const port = environment.KUBERNETES_SERVICE_PORT ?? '443'
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}
