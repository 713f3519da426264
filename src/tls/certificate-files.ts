import { readFile } from 'node:fs/promises'
import type { CertificateSource } from './certificate-source.ts'
import type { PemPair } from './pem-pair.ts'

/** A serving certificate in files: of `holdfast certs`, of cert-manager, of somebody's own. */
export class CertificateFiles implements CertificateSource {
  readonly #cert: string
  readonly #key: string

  /** @param cert path of a PEM file, as is `key` */
  constructor(cert: string, key: string) {
    this.#cert = cert
    this.#key = key
  }

  first(signal: AbortSignal): Promise<PemPair> {
    return this.read(signal)
  }

  /** @throws an Error of Node for a file that cannot be read */
  async read(signal: AbortSignal): Promise<PemPair> {
    const options = { encoding: 'utf8', signal } as const
    const [cert, key] = await Promise.all([readFile(this.#cert, options), readFile(this.#key, options)])
    return { cert, key }
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }
}
