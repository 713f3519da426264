/** Whom to act as: `as`, `as-uid`, `as-groups` and `as-user-extra` of a kubeconfig. */
export interface Impersonation {
  readonly user: string
  readonly uid: string | undefined
  readonly groups: readonly string[]
  readonly extra: ReadonlyMap<string, readonly string[]>
}

/** Headers by name; one with several values is sent as often. */
export type Headers = Readonly<Record<string, string | readonly string[]>>

/** The headers by which the API server is asked to take one for somebody else. */
export function impersonationHeaders({ user, uid, groups, extra }: Impersonation): Headers {
  return {
    'Impersonate-User': encoded(user),
    ...(uid === undefined ? {} : { 'Impersonate-Uid': encoded(uid) }),
    ...(groups.length === 0 ? {} : { 'Impersonate-Group': groups.map(encoded) }),
    ...extraHeaders(extra),
  }
}

/** Names of headers know no case, so values of names that differ in it only go together, as in client-go. */
function extraHeaders(extra: Impersonation['extra']): Record<string, string[]> {
  const headers: Record<string, string[]> = {}
  for (const [name, values] of extra) {
    if (values.length === 0) continue
    const header = `Impersonate-Extra-${escaped(name.toLowerCase())}`
    headers[header] = [...(headers[header] ?? []), ...values.map(encoded)]
  }
  return headers
}

/** Bytes that no name of a header may have are written as %2F, and the API server reads them so. */
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

/** Go sends the bytes of UTF-8 in a header; Node sends one byte for each character. */
function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
