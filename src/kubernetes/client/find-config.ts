import { existsSync } from 'node:fs'
import path from 'node:path'

/** The parts of an impersonation. */
export interface Impersonated {
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
export type ConfigSource =
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
