/** The target of a request, split as a Go server does. */
interface Target {
  /**
   * Decoded, everything between slashes: empty segments, `.` and `..` too. The first is empty, before the
   * first slash.
   */
  readonly parts: readonly string[]
  /** The same without empty segments, `.` and `..`. */
  readonly segments: readonly string[]
  /** Unchanged, without its `?`; empty if there is none. */
  readonly query: string
}

/**
 * Splits the target of a request. A slash that is written as `%2F` separates segments too: Longhorn's router
 * and the API server both read the decoded path (*measured*). The former redirects a path with `//`, `/./` or
 * `/../`; for the latter an empty segment is one like any other.
 */
export function targetOf(target: string): Target {
  const at = target.indexOf('?')
  const path = at < 0 ? target : target.slice(0, at)
  const parts = decoded(withoutOrigin(path)).split('/')
  return { parts, segments: segmentsOf(parts), query: at < 0 ? '' : target.slice(at + 1) }
}

/**
 * A request may name the whole URL (RFC 9112, 3.2.2). Go accepts any scheme, and an empty host too
 * (*measured*).
 */
function withoutOrigin(path: string): string {
  return path.startsWith('/') ? path : path.replace(/^[a-z][a-z0-9+.-]*:(\/\/[^/]*)?/i, '')
}

/** The segments of a path without empty ones, `.` and `..`. */
export function segmentsOf(parts: readonly string[]): string[] {
  const found: string[] = []
  for (const part of parts) {
    if (part === '..') found.pop()
    else if (part !== '' && part !== '.') found.push(part)
  }
  return found
}

/** Byte by byte, since Go does not require UTF-8. Names of objects are ASCII, so other bytes name none. */
function decoded(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)))
}
