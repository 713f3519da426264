import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { readYaml } from '../text/yaml-text.ts'
import { errorText } from './error-text.ts'

/** The user of a context that names none: kubectl allows it, for servers that ask for no proof. */
const anonymous = 'anonymous'

/**
 * Reads kubeconfig files and merges them as kubectl does: for each name, and for the current context, the first
 * file that defines it wins; files of `KUBECONFIG` that do not exist are passed over. (`KubeConfig` itself takes the
 * *last* current context, refuses a name that is defined twice, and does not know `tokenFile`.)
 *
 * @param create makes an empty KubeConfig; passed in because its module is imported lazily
 * @throws Error that names the file and what is wrong with it
 */
export function mergeKubeconfigs(
  { paths, mustExist }: { readonly paths: readonly string[]; readonly mustExist: boolean },
  create: () => KubeConfig,
): KubeConfig {
  const present = mustExist ? paths : paths.filter((file) => existsSync(file))
  if (present.length === 0) {
    throw new Error(
      `No cluster configuration was found: none of the files in KUBECONFIG exists (${paths.join(', ')}).`,
    )
  }
  const configs = present.map((file) => load(file, create()))
  const merged = create()
  merged.loadFromOptions({
    clusters: firstOfEachName(configs.flatMap((config) => config.clusters)).map((cluster) => ({
      ...cluster,
      // KubeConfig refuses plain http unless TLS verification, which it does not have, is switched off.
      skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:'),
    })),
    users: [...firstOfEachName(configs.flatMap((config) => config.users)), { name: anonymous }],
    contexts: firstOfEachName(configs.flatMap((config) => config.contexts)).map((context) => ({
      ...context,
      user: context.user || anonymous,
    })),
    currentContext: configs.map((config) => config.currentContext).find(Boolean),
  })
  return merged
}

function load(file: string, config: KubeConfig): KubeConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`Cannot read the kubeconfig ${file}: ${errorText(cause)}`, { cause })
  }
  try {
    const content = readYaml(text)
    if (!isMapping(content)) throw new Error('it holds no mapping at its top')
    const folder = path.dirname(path.resolve(file))
    config.loadFromString(JSON.stringify({ ...content, users: withTokenFiles(content.users, folder) }))
    config.makePathsAbsolute(folder)
    return config
  } catch (cause) {
    throw new Error(`${file} is not a usable kubeconfig: ${errorText(cause)}`, { cause })
  }
}

/**
 * Turns `tokenFile` into the token-file provider of KubeConfig, which reads the file again every minute. As in
 * kubectl it wins over `token`.
 */
function withTokenFiles(users: unknown, folder: string): unknown {
  if (!Array.isArray(users)) return users
  return users.map((entry: unknown) => {
    if (!isMapping(entry) || !isMapping(entry.user)) return entry
    const { tokenFile, token, ...user } = entry.user
    if (typeof tokenFile !== 'string') return { ...entry, user: { ...user, token } }
    const config = { tokenFile: path.resolve(folder, tokenFile) }
    return { ...entry, user: { ...user, 'auth-provider': { name: 'tokenFile', config } } }
  })
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const byName = new Map<string, T>()
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry)
  return [...byName.values()]
}
