/** What a request asks for, as a server in Go takes its target apart. */
export interface Target {
  /** Decoded; without those that are empty or lead nowhere. */
  readonly segments: readonly string[]
  /** As it came, without its `?`; empty if there is none. */
  readonly query: string
}

/**
 * Takes the target of a request apart. A slash that is written as `%2F` divides a path as well: Longhorn's router and
 * the API server both look at it decoded (*measured*). The former redirects a path with `//`, `/./` or `/../`, the latter
 * knows none: to judge those all the same does no harm.
 */
export function targetOf(target: string): Target {
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  return { segments: segments(decoded(withoutOrigin(path))), query: at < 0 ? '' : target.slice(at + 1) }
}

/** A request may name the whole URL (RFC 9112, 3.2.2); Go takes any scheme, and does without a host too (*measured*). */
function withoutOrigin(path: string): string {
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/]*)?/i, '')
}

function segments(path: string): string[] {
  const found: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') found.pop()
    else if (segment !== '' && segment !== '.') found.push(segment)
  }
  return found
}

/** Byte by byte, since Go does not ask whether it is UTF-8. Names of objects are ASCII; what is not names none. */
function decoded(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)))
}
