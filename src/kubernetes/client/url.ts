import type { Cluster } from './kubeconfig.ts'

/**
 * The URL of an API server. As in kubectl, `host:port` alone is one of plain HTTP.
 *
 * @param found where it stands, for messages
 * @throws Error without a word of it, since it may have a password
 */
export function serverUrl({ name, server, authority, insecure }: Cluster, found: string): URL {
  if (server === undefined) throw new Error(`${found}: cluster "${name}" has no server.`)
  const whole = server.includes('://') ? server : `http://${server}`
  const url = parsedUrl(whole)
  if (!url || (whole !== server && !/^[^/]+\/?$/.test(server))) {
    throw new Error(`${found}: the server of cluster "${name}" is not a URL, and no host with a port.`)
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new Error(
      `${found}: the server of cluster "${name}" (${shownUrl(url)}) is not one of HTTPS or HTTP.`,
    )
  }
  if (insecure && authority !== undefined) {
    throw new Error(
      `${found}: cluster "${name}" has both insecure-skip-tls-verify and a certificate-authority. Take one of them out.`,
    )
  }
  return url
}

/**
 * A URL whose name and password can be read: `100%` is none, since `%` begins a character there. Go refuses such a URL too.
 *
 * @returns undefined for what is no such URL
 */
export function parsedUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  try {
    decodeURIComponent(url.username + url.password)
    return url
  } catch {
    // A URIError says nothing more.
    return undefined
  }
}

/** A URL for people and logs: without the name and password that it may carry, and without a slash at its end. */
export function shownUrl(url: URL): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href.replace(/\/$/, '')
}
