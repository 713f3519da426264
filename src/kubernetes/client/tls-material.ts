import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import { mostBytes, readBounded } from '../../text/bounded-file.ts'
import type { Clock } from '../../time/clock.ts'
import type { Cluster, Pem, User } from './kubeconfig.ts'

/** The TLS settings of a connection to an API server: trust and credentials. */
export type TlsMaterial = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized' | 'checkServerIdentity'
>

/** @returns reads the current files; it throws an Error of Node for a file that cannot be read */
export function tlsFiles(cluster: Cluster, user: User, clock: Clock): () => Promise<TlsMaterial> {
  const ca = pemReader(cluster.authority, clock)
  const cert = pemReader(user.certificate, clock)
  const key = pemReader(user.key, clock)
  const fixed = { ...nameOf(cluster), ...(cluster.insecure ? { rejectUnauthorized: false } : {}) }
  return async () => {
    const [authority, certificate, itsKey] = await Promise.all([ca?.(), cert?.(), key?.()])
    checkPem(authority, `certificate-authority of cluster "${cluster.name}"`)
    checkPem(certificate, `client-certificate of user "${user.name}"`)
    checkPem(itsKey, `client-key of user "${user.name}"`)
    return {
      ...fixed,
      ...(authority && { ca: authority }),
      ...(certificate && { cert: certificate }),
      ...(itsKey && { key: itsKey }),
    }
  }
}

/**
 * OpenSSL would not say which of them is wrong.
 *
 * @param what the field, in a kubeconfig with `-data` or without
 */
function checkPem(content: Buffer | undefined, what: string): void {
  if (content?.includes('-----BEGIN ') !== false) return
  throw new Error(`the ${what} is not PEM: it has no line that begins with -----BEGIN`)
}

/** @returns reads the current PEM; undefined if there is none */
export function pemReader(pem: Pem | undefined, clock: Clock): (() => Promise<Buffer>) | undefined {
  if (pem === undefined) return undefined
  if ('data' in pem) return () => Promise.resolve(pem.data)
  const file = new RereadFile(pem.file, clock)
  return () => file.content()
}

/** TLS has no SNI for an address (RFC 6066), so an address is only compared with the certificate. */
function nameOf({ serverName }: Cluster): TlsMaterial {
  if (serverName === undefined) return {}
  if (isIP(serverName) === 0) return { servername: serverName }
  return {
    servername: '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
  }
}

/** Files are replaced before their content expires, so a copy of this age is still valid, in milliseconds. */
const freshMs = 10_000

/** The limit for a pipe in the place of such a file: less than for the credentials as a whole. */
const pipeMs = 30_000

/** A file of credentials, which is replaced now and then. It is read again once the last read is old. */
export class RereadFile {
  readonly #path: string
  readonly #clock: Clock
  #read: { readonly content: Buffer; readonly at: number } | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /**
   * @throws an Error of Node if no read has succeeded yet; while the file is missing for a moment, the last
   * content stays
   */
  async content(): Promise<Buffer> {
    const now = this.#clock.monotonic()
    if (this.#read && now - this.#read.at < freshMs) return this.#read.content
    try {
      const reading = { clock: this.#clock, pipeMs }
      const content = await readBounded(this.#path, mostBytes.credential, reading)
      this.#read = { content, at: now }
    } catch (error) {
      // Some errors of Node do not name the file.
      if (!this.#read) throw error instanceof Error ? Object.assign(error, { path: this.#path }) : error
    }
    return this.#read.content
  }
}
