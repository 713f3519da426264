import type { IncomingHttpHeaders } from 'node:http'

/**
 * True for a request that a page from elsewhere makes a browser send, or that calls this machine by a name of that page's
 * choosing. Browsers name the page in `Origin` where it may read the answer or writes; of an image or a link they tell only
 * in `Sec-Fetch-Site` (Fetch Metadata) whether it is from elsewhere, older ones in `Referer`.
 */
export function isForeign({ host = '', origin, referer, ...headers }: IncomingHttpHeaders): boolean {
  if (!isLocal(host)) return true
  if (origin !== undefined) return !isLocal(withoutScheme(origin))
  if (headers['sec-fetch-site'] === 'cross-site') return true
  return referer !== undefined && !isLocal(withoutScheme(referer).replace(/\/.*/s, ''))
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '')
}

function isLocal(hostAndPort: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(hostAndPort)
}
