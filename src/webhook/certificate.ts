import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** What the door serves with, both PEM. The certificate may carry its chain. */
export interface ServingCertificate {
  readonly cert: string
  readonly key: string
}

/** Thrown for a certificate that cannot be served, before anything of the old one is lost. */
export class UnusableCertificate extends Error {
  constructor(cause: unknown) {
    super(
      'The serving certificate and its key cannot be used: both have to be PEM and belong to each other. Look at tls.crt and tls.key',
      { cause },
    )
    this.name = 'UnusableCertificate'
  }
}

/**
 * Finds out whether a certificate can be served; OpenSSL's own messages name neither file nor reason.
 *
 * @throws {@link UnusableCertificate}
 */
export function checkCertificate({ cert, key }: ServingCertificate): void {
  try {
    // OpenSSL takes an empty file for no certificate at all, and then serves without one.
    new X509Certificate(cert)
    createPrivateKey(key)
    createSecureContext({ cert, key })
  } catch (error) {
    throw new UnusableCertificate(error)
  }
}
