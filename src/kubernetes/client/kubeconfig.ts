import { existsSync } from 'node:fs'
import path from 'node:path'
import { mostBytes, readBounded } from '../../text/bounded-file.ts'
import { readGoYaml } from '../../text/go-yaml.ts'
import type { ExecConfig } from './exec-plugin.ts'
import { Fields } from './fields.ts'
import { inWords } from '../../text/system-error.ts'
import { decodedText } from '../../text/yaml.ts'

/** PEM in a kubeconfig, or in a file that may change at any time. */
export type Pem = { readonly data: Buffer; readonly isInFileToo: boolean } | { readonly file: string }

/** An API server, and how to reach it. */
export interface Cluster {
  readonly name: string
  readonly server: string | undefined
  /** The authorities to trust; undefined for those that Node knows. */
  readonly authority: Pem | undefined
  /** True to accept any certificate. */
  readonly insecure: boolean
  /** The name that its certificate has, if not the host of the URL. */
  readonly serverName: string | undefined
  readonly proxyUrl: string | undefined
  /** Additional facts for exec plugins, as the provider of the cluster wrote them. */
  readonly execConfig: unknown
}

/** The credentials of a user. */
export interface User {
  readonly name: string
  readonly token?: string | undefined
  /** Read again and again, since tokens expire. It wins over `token`. */
  readonly tokenFile?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly certificate?: Pem | undefined
  readonly key?: Pem | undefined
  readonly exec?: ExecConfig | undefined
  /** As the file has it; kubectl itself knows `oidc` only. */
  readonly authProvider?: unknown
  readonly impersonation?: Impersonation | undefined
}

/** Names a cluster with a user. */
export interface Context {
  readonly name: string
  readonly cluster: string
  /** Undefined for a server without authentication. */
  readonly user: string | undefined
  readonly namespace: string | undefined
}

/** The content of one or several kubeconfig files. */
export interface Kubeconfig {
  readonly clusters: readonly Cluster[]
  readonly users: readonly User[]
  readonly contexts: readonly Context[]
  readonly currentContext: string | undefined
}

/**
 * Reads kubeconfig files and merges them as kubectl does: for each name, and for the current context, the
 * first file that defines it wins. Files of `KUBECONFIG` that do not exist are skipped. Paths are relative to
 * the file with them.
 *
 * @throws Error that names the file and the error
 */
export async function readKubeconfigs({
  paths,
  mustExist,
}: {
  readonly paths: readonly string[]
  readonly mustExist: boolean
}): Promise<Kubeconfig> {
  const present = mustExist ? paths : paths.filter((file) => existsSync(file))
  if (present.length === 0) {
    throw new Error(
      `No cluster configuration was found: none of the files in KUBECONFIG exists (${paths.join(', ')}).`,
    )
  }
  const configs = await Promise.all(present.map(read))
  return {
    clusters: firstOfEachName(configs.flatMap(({ clusters }) => clusters)),
    users: firstOfEachName(configs.flatMap(({ users }) => users)),
    contexts: firstOfEachName(configs.flatMap(({ contexts }) => contexts)),
    currentContext: configs.map(({ currentContext }) => currentContext).find(Boolean),
  }
}

async function read(file: string): Promise<Kubeconfig> {
  let text: string
  try {
    // PowerShell writes UTF-16.
    text = decodedText(await readBounded(file, mostBytes.kubeconfig))
  } catch (cause) {
    throw new Error(`Cannot read the kubeconfig ${file}: ${inWords(cause)}`, { cause })
  }
  try {
    // An empty file is valid and has no content.
    const content = new Fields(readGoYaml(text).value ?? {})
    insistOnConfig(content)
    const folder = path.dirname(path.resolve(file))
    return {
      clusters: content.mappings('clusters').map((entry) => clusterOf(entry, folder)),
      users: content.mappings('users').map((entry) => userOf(entry, folder)),
      contexts: content.mappings('contexts').map(contextOf),
      currentContext: content.text('current-context'),
    }
  } catch (cause) {
    throw new Error(`${file} is not a usable kubeconfig: ${inWords(cause)}`, { cause })
  }
}

/** @throws Error for another object of Kubernetes: it has no contexts, and the reader would look for the reason */
function insistOnConfig(content: Fields): void {
  const { version, kind } = {
    version: content.text('apiVersion') ?? 'v1',
    kind: content.text('kind') ?? 'Config',
  }
  if (version !== 'v1' || kind !== 'Config')
    throw new Error(`it is a ${kind} of ${version}, and a kubeconfig is a Config of v1`)
}

function clusterOf(entry: Fields, folder: string): Cluster {
  const name = entry.needed('name')
  const fields = entry.mapping('cluster') ?? new Fields({})
  const extension = fields
    .mappings('extensions')
    .find((each) => each.text('name') === 'client.authentication.k8s.io/exec')
  return {
    name,
    server: fields.text('server'),
    authority: pemOf(fields, 'certificate-authority', folder),
    insecure: fields.flag('insecure-skip-tls-verify'),
    serverName: fields.text('tls-server-name'),
    proxyUrl: fields.text('proxy-url'),
    execConfig: extension?.raw('extension'),
  }
}

function userOf(entry: Fields, folder: string): User {
  const name = entry.needed('name')
  const fields = entry.mapping('user')
  if (!fields) return { name }
  return {
    name,
    token: fields.text('token'),
    tokenFile: absolute(fields.text('tokenFile'), folder),
    username: fields.text('username'),
    password: fields.text('password'),
    certificate: pemOf(fields, 'client-certificate', folder),
    key: pemOf(fields, 'client-key', folder),
    exec: execOf(fields.mapping('exec'), folder),
    authProvider: fields.raw('auth-provider'),
    impersonation: impersonationOf(fields),
  }
}

function contextOf(entry: Fields): Context {
  const name = entry.needed('name')
  const fields = entry.mapping('context') ?? new Fields({})
  return {
    name,
    cluster: fields.text('cluster') ?? '',
    user: fields.text('user'),
    namespace: fields.text('namespace'),
  }
}

function pemOf(fields: Fields, name: string, folder: string): Pem | undefined {
  const data = fields.bytes(`${name}-data`)
  const file = absolute(fields.text(name), folder)
  if (data !== undefined) return { data, isInFileToo: file !== undefined }
  return file === undefined ? undefined : { file }
}

function execOf(fields: Fields | undefined, folder: string): ExecConfig | undefined {
  if (!fields) return undefined
  const command = fields.needed('command')
  return {
    // A bare name is looked up on the PATH.
    command: command.includes(path.sep) ? path.resolve(folder, command) : command,
    args: fields.texts('args'),
    env: fields.mappings('env').map((each) => [each.needed('name'), each.text('value') ?? ''] as const),
    apiVersion: fields.text('apiVersion'),
    installHint: fields.text('installHint'),
    interactiveMode: fields.text('interactiveMode'),
    provideClusterInfo: fields.flag('provideClusterInfo'),
  }
}

function impersonationOf(fields: Fields): Impersonation | undefined {
  const user = fields.text('as')
  const uid = fields.text('as-uid')
  const groups = fields.texts('as-groups')
  const extraFields = fields.mapping('as-user-extra')
  const extra = (extraFields?.names() ?? []).map((name) => [name, extraFields?.texts(name) ?? []] as const)
  if (user !== undefined) return { user, uid, groups, extra: new Map(extra) }
  if (uid === undefined && groups.length === 0 && extra.length === 0) return undefined
  throw new Error('a user has as-uid, as-groups or as-user-extra, but no as with the user to impersonate')
}

function absolute(file: string | undefined, folder: string): string | undefined {
  return file === undefined ? undefined : path.resolve(folder, file)
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const byName = new Map<string, T>()
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry)
  return [...byName.values()]
}

/** The identity to impersonate: `as`, `as-uid`, `as-groups` and `as-user-extra` of a kubeconfig. */
export interface Impersonation {
  readonly user: string
  readonly uid: string | undefined
  readonly groups: readonly string[]
  readonly extra: ReadonlyMap<string, readonly string[]>
}

/** Headers by name; one with several values is sent once for each. */
export type Headers = Readonly<Record<string, string | readonly string[]>>

/** The headers that ask the API server for impersonation. */
export function impersonationHeaders({ user, uid, groups, extra }: Impersonation): Headers {
  return {
    'Impersonate-User': inHeader(user),
    ...(uid === undefined ? {} : { 'Impersonate-Uid': inHeader(uid) }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups.map(inHeader) }),
    ...extraHeaders(extra),
  }
}

/**
 * Header names are case-insensitive, so values of names that differ in case only are merged, as in client-go.
 */
function extraHeaders(extra: Impersonation['extra']): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const [name, values] of extra) {
    if (values.length === 0) continue
    const header = `Impersonate-Extra-${escaped(name.toLowerCase())}`
    headers[header] = [...(headers[header] ?? []), ...values.map(inHeader)]
  }
  return headers
}

/** Bytes that a header name must not have become %2F and the like, which the API server decodes. */
function escaped(name: string): string {
  let text = ''
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte)
    text += /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/** A text for a header. Go sends the bytes of UTF-8; Node sends one byte for each character. */
export function inHeader(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
