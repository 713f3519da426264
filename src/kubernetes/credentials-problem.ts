import type { User } from '@kubernetes/client-node'
import { errorCode, errorText } from './error-text.ts'

/**
 * Why the credentials of a user cannot be had, for people. Errors of Node have a code, and name a file or a program. All
 * others of a program that gives credentials may quote what it printed, which may be a token: they are not shown.
 */
export function credentialsProblem({ exec, authProvider }: User, error: unknown): string {
  if (errorCode(error) !== undefined) return errorText(error)
  const command = commandOf(exec) ?? commandOf(authProvider?.config?.exec)
  if (command === undefined && authProvider === undefined) return errorText(error)
  const what =
    command === undefined ? `the provider ${authProvider?.name ?? ''}` : `the exec plugin ${command}`
  const failed =
    error instanceof SyntaxError ? 'gave no ExecCredential in JSON' : 'failed, or gave no ExecCredential'
  return `${what} ${failed}. What it printed may be secret and is not shown; run it to see.`
}

function commandOf(exec: unknown): string | undefined {
  if (typeof exec !== 'object' || exec === null || !('command' in exec)) return undefined
  return typeof exec.command === 'string' ? exec.command : undefined
}
