import type { Cluster } from './kubeconfig.ts'

/**
 * The URL of an API server. As in kubectl, `host:port` alone means plain HTTP.
 *
 * @param found its source, for messages
 * @throws Error that quotes nothing of it, since it may have a password
 */
export function serverUrl({ name, server, authority, insecure }: Cluster, found: string): URL {
  if (server === undefined) throw new Error(`${found}: cluster "${name}" has no server.`)
  const whole = server.includes('://') ? server : `http://${server}`
  const url = parsedUrl(whole)
  if (!url || (whole !== server && !/^[^/]+\/?$/.test(server))) {
    throw new Error(`${found}: the server of cluster "${name}" is neither a URL nor a host with a port.`)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Error(`${found}: the server of cluster "${name}" (${shownUrl(url)}) is neither HTTPS nor HTTP.`)
  }
  if (insecure && authority !== undefined) {
    throw new Error(
      `${found}: cluster "${name}" has both insecure-skip-tls-verify and a certificate-authority. Remove one of them.`,
    )
  }
  return url
}

/**
 * Parses a URL whose name and password can be decoded. `100%` cannot, since `%` begins an escape there; Go
 * rejects such a URL too.
 *
 * @returns undefined for any other text
 */
export function parsedUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  try {
    decodeURIComponent(url.username + url.password)
    return url
  } catch {
    // A URIError has no further details.
    return undefined
  }
}

/** A URL for people and logs: without name, password and trailing slash. */
export function shownUrl(url: URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href.replace(/\/$/, '')
}
