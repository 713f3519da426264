import { badRequest, noSuchPath } from '../failure.ts'

/** What a request asks for. */
export interface RequestTarget {
  /** Decoded: a slash that was written as `%2F` divides as well. */
  readonly path: string
  readonly query: URLSearchParams
}

/**
 * Takes the target of a request apart as a server in Go does. A URL parser of the web would tidy it up first: it cuts off
 * what follows a `#`, takes a backslash for a slash, and follows `..`.
 *
 * @throws ApiError 400 for one with a `#`, 404 for one that cannot be decoded
 */
export function requestTarget(target: string): RequestTarget {
  if (target.includes('#'))
    throw badRequest(
      'a request target has no # (RFC 9112, 3.2), and servers differ in how they read one: write %23',
    )
  const at = target.indexOf('?')
  const written = at < 0 ? target : target.slice(0, at)
  // It may be a whole URL (RFC 9112, 3.2.2).
  const path = written.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, '')
  return { path: decoded(path), query: new URLSearchParams(at < 0 ? '' : target.slice(at + 1)) }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (error) {
    if (error instanceof URIError) throw noSuchPath(path)
    throw error
  }
}
