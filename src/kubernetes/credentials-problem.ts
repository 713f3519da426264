import type { User } from '@kubernetes/client-node'
import { errorCode, errorText } from './error-text.ts'

/**
 * Why the credentials of a user cannot be had, for people. Errors of Node have a code, and name a file or a program. All
 * others of a program that gives credentials may quote what it printed, which may be a token: they are not shown.
 */
export function credentialsProblem(user: User, error: unknown): string {
  if (errorCode(error) !== undefined) return errorText(error)
  const provider: unknown = user.authProvider
  const command = commandOf(user.exec) ?? commandOf(fieldOf(fieldOf(provider, 'config'), 'exec'))
  if (command === undefined && provider === undefined) return errorText(error)
  const what =
    command === undefined ? `the provider ${String(fieldOf(provider, 'name'))}` : `the exec plugin ${command}`
  const failed =
    error instanceof SyntaxError ? 'gave no ExecCredential in JSON' : 'failed, or gave no ExecCredential'
  return `${what} ${failed}. What it printed may be secret and is not shown; run it to see.`
}

function commandOf(exec: unknown): string | undefined {
  const command = fieldOf(exec, 'command')
  return typeof command === 'string' ? command : undefined
}

function fieldOf(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  return new Map<string, unknown>(Object.entries(object)).get(name)
}
