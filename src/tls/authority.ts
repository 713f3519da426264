import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto'
import type { TimeOfDay } from '../time/clock.ts'
import type { PemPair } from './stored.ts'

/** Options of a certificate authority. */
interface AuthorityOptions {
  /** In milliseconds. A replacement means a change of every caBundle, so the default is 10 years. */
  readonly lifetimeMs: number
  /** The name that people see. */
  readonly commonName: string
}

const defaultAuthorityOptions: AuthorityOptions = {
  lifetimeMs: 10 * 365 * 86_400_000,
  commonName: 'Holdfast CA',
}

/** Makes a certificate authority that signs certificates of one kind, and no other authority. */
export async function makeAuthority(
  clock: TimeOfDay,
  options: Partial<AuthorityOptions> = {},
): Promise<PemPair> {
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

/** All clients understand it, and a handshake costs less than with RSA. */
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** The signature algorithm for such a key. */
export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const

/** Makes a new key. */
export function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
}

/** A private key as PKCS #8 PEM. */
export function keyToPem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString()
}

/**
 * Reads a private key for signing.
 *
 * @throws an Error of Node for anything but an ECDSA P-256 key in PEM
 */
export function keyFromPem(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign'])
}

/** Certificates are valid from a little before they are made, since clocks of machines differ. */
const backdatedMs = 5 * 60_000

/**
 * The validity of a certificate that is made now. X.509 counts whole seconds.
 *
 * @param notAfterLimit the end of the signer: no certificate outlives it
 */
export function validity(clock: TimeOfDay, lifetimeMs: number, notAfterLimit?: Date) {
  const now = Math.floor(clock.now() / 1_000) * 1_000
  const notAfter = Math.min(now + lifetimeMs, notAfterLimit?.getTime() ?? Infinity)
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(notAfter) }
}

/** The library that writes certificates. It is loaded when one is made, since most commands make none. */
export async function x509Library() {
  return await import('./x509.ts')
}
