/** What a request asks for, as a server in Go takes its target apart. */
interface Target {
  /** Decoded, all that stands between slashes: empty ones, `.` and `..` too. The first is empty, before the first slash. */
  readonly parts: readonly string[]
  /** The same without those that are empty or lead nowhere. */
  readonly segments: readonly string[]
  /** As it came, without its `?`; empty if there is none. */
  readonly query: string
}

/**
 * Takes the target of a request apart. A slash that is written as `%2F` divides a path as well: Longhorn's router and
 * the API server both look at it decoded (*measured*). The former redirects a path with `//`, `/./` or `/../`; to the
 * latter an empty part is one like any other.
 */
export function targetOf(target: string): Target {
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  const parts = decoded(withoutOrigin(path)).split('/')
  return { parts, segments: segmentsOf(parts), query: at < 0 ? '' : target.slice(at + 1) }
}

/** A request may name the whole URL (RFC 9112, 3.2.2); Go takes any scheme, and does without a host too (*measured*). */
function withoutOrigin(path: string): string {
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/]*)?/i, '')
}

/** The parts of a path that lead somewhere. */
export function segmentsOf(parts: readonly string[]): string[] {
  const found: string[] = []
  for (const part of parts) {
    if (part === '..') found.pop()
    else if (part !== '' && part !== '.') found.push(part)
  }
  return found
}

/** Byte by byte, since Go does not ask whether it is UTF-8. Names of objects are ASCII; what is not names none. */
function decoded(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)))
}
