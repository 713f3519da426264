import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto'
import type { TimeOfDay } from '../time/clock.ts'
import type { PemPair } from './stored.ts'

/** What can be chosen about a certificate authority. */
interface AuthorityOptions {
  /** In milliseconds. Replacing it means touching every caBundle, so it is long: 10 years. */
  readonly lifetimeMs: number
  /** What people see it called. */
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

/** Understood by every client there is, and a handshake costs less than with RSA. */
const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** How certificates are signed with such a key. */
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

/** Certificates are valid from a little before they are made: not every machine's clock is right. */
const backdatedMs = 5 * 60_000

/**
 * From when to when a certificate made now is valid. X.509 counts whole seconds.
 *
 * @param notAfterLimit nothing outlives who signed it
 */
export function validity(clock: TimeOfDay, lifetimeMs: number, notAfterLimit?: Date) {
  const now = Math.floor(clock.now() / 1_000) * 1_000
  const notAfter = Math.min(now + lifetimeMs, notAfterLimit?.getTime() ?? Infinity)
  return { notBefore: new Date(now - backdatedMs), notAfter: new Date(notAfter) }
}

/**
 * The library that writes certificates. Imported when one is made, for most commands make none, and after
 * `reflect-metadata`, without which it fails at import.
 */
export async function x509Library() {
  await import('reflect-metadata')
  return import('@peculiar/x509')
}
