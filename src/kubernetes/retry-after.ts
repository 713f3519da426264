/**
 * Reads a Retry-After header in seconds. The API server only ever writes whole seconds; a date, which a proxy
 * might write, counts as absent, and the ordinary back-off applies.
 */
export function parseRetryAfter(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,9}$/.test(header.trim()) ? Number(header) : undefined
}
