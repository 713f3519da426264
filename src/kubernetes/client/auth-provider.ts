import type { RequestOptions } from 'node:https'
import { PluginProblem } from './exec-plugin.ts'
import type { Headers, User } from './kubeconfig.ts'

/**
 * Asks an `auth-provider` of a kubeconfig: `oidc`, and those of older versions of kubectl. client-node
 * implements them. Its index loads a model of each kind of Kubernetes, which takes 0.3 s and 89 MB. So only
 * the files of the providers are imported, and only for a user who has one.
 *
 * @returns asks for the headers of one request; it throws the errors of client-node, which may quote secrets
 */
export function providerHeaders({ name, authProvider }: User): () => Promise<Headers> {
  const asked = { name, authProvider }
  const provider = import('./auth-providers.ts').then(({ authProviders }) => {
    const found = authProviders().find((each) => each.isAuthProvider(asked))
    // Without it the API server would take the request for an anonymous one.
    if (found === undefined)
      throw new PluginProblem('no auth-provider has the name that the kubeconfig gives')
    return found
  })
  // The caller gets the error.
  provider.catch(() => undefined)
  return async () => {
    const headers: NonNullable<RequestOptions['headers']> = {}
    await (await provider).applyAuthentication(asked, { headers })
    const pairs = Object.entries(headers).map(([key, value]) => [key, String(value)] as const)
    return Object.fromEntries(pairs)
  }
}
