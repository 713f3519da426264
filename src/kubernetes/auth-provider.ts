import type { RequestOptions } from 'node:https'
import type { Headers } from './impersonation.ts'
import type { User } from './kubeconfig.ts'

/**
 * Asks an `auth-provider` of a kubeconfig: `oidc`, and what older versions of kubectl had. client-node knows how. It takes
 * 0.3–0.5 s and 89 MB to import, so that is done only for such a user.
 *
 * @returns asks for the headers of one request; it throws what client-node throws, which may quote secrets
 */
export function providerHeaders({ name, authProvider }: User): () => Promise<Headers> {
  const config = import('@kubernetes/client-node').then(({ KubeConfig }) => {
    const made = new KubeConfig()
    const cluster = { name, server: 'https://localhost', skipTLSVerify: false }
    made.loadFromClusterAndUser(cluster, { name, authProvider })
    return made
  })
  // Whoever asks hears of it.
  config.catch(() => undefined)
  return async () => {
    const options: RequestOptions = { headers: {} }
    await (await config).applyToHTTPSOptions(options)
    const pairs = Object.entries(options.headers ?? {}).map(([key, value]) => [key, String(value)] as const)
    return Object.fromEntries(pairs)
  }
}
