import { KeyObject, createPrivateKey, webcrypto } from 'node:crypto'

/** Understood by every client there is, and a handshake costs less than with RSA. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

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
