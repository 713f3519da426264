import { webcrypto } from 'node:crypto'
import { keyToPem, makeKeys, signingAlgorithm } from './keys.ts'
import type { PemPair } from './pem-pair.ts'
import { validity } from './validity.ts'
import type { TimeOfDay } from '../time/clock.ts'
import { x509Library } from './x509-library.ts'

/** What can be chosen about a certificate authority. */
export interface AuthorityOptions {
  /** In milliseconds. Replacing it means touching every caBundle, so it is long: 10 years. */
  readonly lifetimeMs: number
  /** What people see it called. */
  readonly commonName: string
}

export const defaultAuthorityOptions: AuthorityOptions = {
  lifetimeMs: 10 * 365 * 86_400_000,
  commonName: 'Holdfast CA',
}

/** Makes a certificate authority that signs certificates of one kind, and no other authority. */
export async function makeAuthority(clock: TimeOfDay, options: Partial<AuthorityOptions> = {}): Promise<PemPair> {
  const { lifetimeMs, commonName } = { ...defaultAuthorityOptions, ...options }
  const x509 = await x509Library()
  const keys = await makeKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: `CN=${commonName}`,
      ...validity(clock, lifetimeMs),
      keys,
      signingAlgorithm,
      extensions: [
        // No authority below this one.
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return { cert: `${cert.toString('pem')}\n`, key: keyToPem(keys.privateKey) }
}
