import { parsedUrl } from './parsed-url.ts'
import { shownUrl } from './shown-url.ts'
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
