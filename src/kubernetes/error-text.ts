/**
 * The sentence in an error of Node, or its code where there is no sentence: a refused connection to a name with
 * several addresses is an AggregateError without a message.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message !== '') return error.message
  return errorCode(error) ?? error.name
}

/** True if a server was reached whose certificate is not trusted, or not for its name. */
export function isDistrust(error: unknown): boolean {
  return /CERT|ALTNAME|SELF_SIGNED|UNABLE_TO_VERIFY/.test(errorCode(error) ?? '')
}

/** The `code` of an error of Node (`ECONNREFUSED`), if it has one. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
