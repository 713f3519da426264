import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import type { Clock } from '../time/clock.ts'
import type { Cluster, Pem, User } from './kubeconfig.ts'
import { RereadFile } from './reread-file.ts'

/** What a TLS connection to an API server takes: whom to trust, and who asks. */
export type TlsMaterial = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'
>

/** @returns reads what there is now; it throws an Error of Node for a file that cannot be read */
export function tlsFiles(cluster: Cluster, user: User, clock: Clock): () => Promise<TlsMaterial> {
  const ca = pemReader(cluster.authority, clock)
  const cert = pemReader(user.certificate, clock)
  const key = pemReader(user.key, clock)
  const fixed = { ...nameOf(cluster), ...(cluster.insecure ? { rejectUnauthorized: false } : {}) }
  return async () => {
    const [authority, certificate, itsKey] = await Promise.all([ca?.(), cert?.(), key?.()])
    return {
      ...fixed,
      ...(authority && { ca: authority }),
      ...(certificate && { cert: certificate }),
      ...(itsKey && { key: itsKey }),
    }
  }
}

/** @returns reads the PEM as it is now; undefined if there is none */
export function pemReader(pem: Pem | undefined, clock: Clock): (() => Promise<Buffer>) | undefined {
  if (pem === undefined) return undefined
  if ('data' in pem) return () => Promise.resolve(pem.data)
  const file = new RereadFile(pem.file, clock)
  return () => file.content()
}

/** TLS has no name for an address (RFC 6066), so that is only compared with the certificate. */
function nameOf({ serverName }: Cluster): TlsMaterial {
  if (serverName === undefined) return {}
  if (isIP(serverName) === 0) return { servername: serverName }
  return {
    servername: '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
  }
}
