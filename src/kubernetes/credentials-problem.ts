import { errorCode, errorText } from './error-text.ts'
import type { User } from './kubeconfig.ts'
import { PluginProblem } from './plugin-problem.ts'

/**
 * Why the credentials of a user cannot be had, for people. Errors of Node have a code, and name a file or a program. All
 * others of a provider may quote what it got, which may be a token: they are not shown.
 */
export function credentialsProblem({ authProvider }: User, error: unknown): string {
  const isOwn = error instanceof PluginProblem || errorCode(error) !== undefined
  if (isOwn || authProvider === undefined) return errorText(error)
  return `the provider ${nameOf(authProvider)} failed. What it said may be secret and is not shown`
}

function nameOf(provider: unknown): string {
  const name: unknown =
    typeof provider === 'object' && provider !== null && 'name' in provider ? provider.name : undefined
  return typeof name === 'string' ? name : 'without a name'
}
