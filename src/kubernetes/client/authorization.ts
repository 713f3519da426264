import type { Clock } from '../../time/clock.ts'
import { providerHeaders } from './auth-provider.ts'
import { type ExecConfig, ExecPlugin, PluginProblem } from './exec-plugin.ts'
import { errorCode } from './failures.ts'
import { type Cluster, type Headers, inHeader, type User } from './kubeconfig.ts'
import { pemReader, RereadFile, type TlsMaterial } from './tls-material.ts'
import { inWords } from '../../text/system-error.ts'

/** How one request proves its identity, besides a certificate of the kubeconfig. */
interface Authorization {
  readonly headers: Headers
  /** A certificate from an exec plugin. */
  readonly certificate?: Pick<TlsMaterial, 'cert' | 'key'>
  /** Callers call this when the API server has answered 401. */
  readonly refused: () => void
}

interface Asked {
  readonly cluster: Cluster
  readonly user: User
  readonly server: URL
}

interface Modules {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly isInteractive: boolean
}

/**
 * The way in which a user proves its identity, in the order of client-go: a password in the URL, a token, a
 * password, a certificate, and a program only without any of these. Like kubectl, it sends no secret over
 * plain HTTP.
 */
export function authorizationOf(asked: Asked, modules: Modules): () => Promise<Authorization> {
  const { user, server } = asked
  const { token, tokenFile, username, password, certificate, exec, authProvider } = user
  if (server.username !== '' || server.password !== '') return always(basic(...loginOf(server)))
  if (server.protocol === 'http:') return always({})
  if (tokenFile !== undefined) return fromFile(tokenFile, user, modules)
  if (token !== undefined) return async () => await Promise.resolve(fixed(bearer(token, itsToken(user))))
  if (username !== undefined) return always(basic(username, password))
  if (certificate !== undefined) return always({})
  if (exec !== undefined) {
    return fromPlugin(pluginOf(exec, asked, modules))
  }
  if (authProvider !== undefined) {
    const headers = providerHeaders(user)
    return async () => ({ headers: await headers(), refused: nothing })
  }
  return always({})
}

const plugins = new WeakMap<object, Map<string, ExecPlugin>>()

/** As in client-go, all connections of a process to one cluster share a plugin and its credentials. */
function pluginOf(exec: ExecConfig, asked: Asked, modules: Modules): ExecPlugin {
  const { environment } = modules
  const known = plugins.get(environment) ?? new Map<string, ExecPlugin>()
  plugins.set(environment, known)
  const key = JSON.stringify([exec, asked.cluster])
  const plugin =
    known.get(key) ?? new ExecPlugin(exec, { ...modules, cluster: () => clusterInfo(asked, modules) })
  known.set(key, plugin)
  return plugin
}

function always(headers: Headers): () => Promise<Authorization> {
  return () => Promise.resolve(fixed(headers))
}

function fixed(headers: Headers): Authorization {
  return { headers, refused: nothing }
}

/** A file wins over a token. The token is the fallback while the file cannot be read. */
function fromFile(path: string, user: User, { clock }: Modules): () => Promise<Authorization> {
  const file = new RereadFile(path, clock)
  const { token } = user
  return async () => {
    try {
      const content = (await file.content()).toString('utf8').trim()
      return fixed(bearer(content, `the token in ${path}`))
    } catch (error) {
      if (token === undefined) throw error
      return fixed(bearer(token, itsToken(user)))
    }
  }
}

function fromPlugin(plugin: ExecPlugin): () => Promise<Authorization> {
  return async () => {
    const credential = await plugin.credential()
    const { token, certificate } = credential
    return {
      headers: token === undefined ? {} : bearer(token, 'the token of the exec plugin'),
      ...(certificate && { certificate }),
      refused: () => plugin.refused(credential),
    }
  }
}

/** The description of the cluster for a plugin (client.authentication.k8s.io). */
async function clusterInfo({ cluster, server }: Asked, { clock }: Modules): Promise<object> {
  const authority = await pemReader(cluster.authority, clock)?.()
  return {
    server: cluster.server ?? server.href,
    ...(cluster.serverName !== undefined && { 'tls-server-name': cluster.serverName }),
    ...(cluster.insecure && { 'insecure-skip-tls-verify': true }),
    ...(authority && { 'certificate-authority-data': authority.toString('base64') }),
    ...(cluster.proxyUrl !== undefined && { 'proxy-url': cluster.proxyUrl }),
    config: cluster.execConfig ?? null,
  }
}

/**
 * @param what its name in messages, which never show it
 * @throws Error for a token that no header can carry
 */
function bearer(token: string, what: string): Headers {
  if (token.trim() === '') throw new Error(`${what} is empty`)
  if (/[^\P{Cc}\t\x80-\x9f]/u.test(token))
    throw new Error(`${what} has a line break or another control character, which no header can carry`)
  return { Authorization: `Bearer ${inHeader(token)}` }
}

function itsToken({ name }: User): string {
  return `the token of user "${name}"`
}

function basic(username: string, password = ''): Headers {
  return { Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

function loginOf({ username, password }: URL): [string, string] {
  return [decodeURIComponent(username), decodeURIComponent(password)]
}

function nothing(): void {
  // A fixed credential cannot be refreshed.
}

/**
 * Why a user's credentials are not available, for people. Errors of Node have a code, and name a file or a
 * program. Other errors of a provider may quote a token, so they are not shown.
 */
export function credentialsProblem({ authProvider }: User, error: unknown): string {
  const isOwn = error instanceof PluginProblem || errorCode(error) !== undefined
  if (isOwn || authProvider === undefined) return `${fileOf(error)}${inWords(error)}`
  return `the provider ${nameOf(authProvider)} failed. Its message may be secret and is not shown`
}

/** The file of a file system error, and a colon; empty for any other error. */
function fileOf(error: unknown): string {
  const path: unknown = error instanceof Error && 'path' in error ? error.path : undefined
  return typeof path === 'string' ? `${path}: ` : ''
}

function nameOf(provider: unknown): string {
  const name: unknown =
    typeof provider === 'object' && provider !== null && 'name' in provider ? provider.name : undefined
  return typeof name === 'string' ? name : 'without a name'
}
