import { X509Certificate } from 'node:crypto'

/**
 * When a certificate expires. Of a chain, the first: that is the one which is renewed most often.
 *
 * @param pem one certificate or a chain
 * @throws an Error if there is no certificate in it
 */
export function expiryOf(pem: string): Date {
  try {
    return new Date(new X509Certificate(pem).validTo)
  } catch (cause) {
    throw new Error('This is no certificate in PEM, so nobody can tell when it expires', { cause })
  }
}
