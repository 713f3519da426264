import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** An authority; without its key it is still trusted, but signs nothing any more. */
export interface KeptAuthority {
  readonly cert: string
  readonly key: string | undefined
}

/** What a guard that makes its own certificates keeps, all PEM, as it was found: sound or not. */
export interface Kept {
  /** The one that has signed what is served. */
  readonly authority: KeptAuthority | undefined
  /** Already told to the API server; signs from the next change on. */
  readonly next: PemPair | undefined
  /** The certificate of the one before, trusted for as long as a replica may still serve what it signed. */
  readonly previous: string | undefined
  readonly serving: PemPair | undefined
}

/**
 * What the API server has to trust, as PEM: every authority that is in use, was, or soon will be. The same ones always
 * make the same text, so that it can be compared.
 */
export function caBundle({ authority, next, previous }: Omit<Kept, 'serving'>): string {
  const certs = [authority?.cert, next?.cert, previous].flatMap((pem) => {
    const cert = pem === undefined ? undefined : readCertificate(pem)
    return cert === undefined ? [] : [cert.toString()]
  })
  return [...new Set(certs)].toSorted().join('')
}

/** A certificate with the key that belongs to it, both PEM; the key as PKCS #8. */
export interface PemPair {
  readonly cert: string
  readonly key: string
}

/** True if both texts of one are those of the other. */
export function samePair(one: PemPair, other: PemPair): boolean {
  return one.cert === other.cert && one.key === other.key
}

/** The certificates of a PEM text, each as its block, in their order. */
export function certificateBlocks(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? []
}

/** A year before its end there is time for everything; three months are enough (kubernetes.md, Staying out of the way). */
const lookAheadMs = 90 * 86_400_000

/** The first certificate of a PEM text; undefined if there is none. */
export function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    // What cannot be read is replaced like what is missing.
    return undefined
  }
}

/** True if it is time to replace a certificate: 90 days before its end, or after two thirds of a shorter life. */
export function isDue(pem: string, now: number): boolean {
  return now >= dueAt(pem, 1)
}

/**
 * True if a third of the time to replace a certificate is over: 60 days before its end. Should all machines sleep for a
 * month at a time, the replica that looked just before it is replaced has a second month.
 */
export function isUrgent(pem: string, now: number): boolean {
  return now >= dueAt(pem, 2 / 3)
}

/** True if what an authority signs now would end with it so soon that there is less time to replace it than usual. */
export function isEnding(pem: string, now: number): boolean {
  return now >= dueAt(pem, 3)
}

/** What cannot be read is due at any time. */
function dueAt(pem: string, share: number): number {
  const cert = readCertificate(pem)
  if (cert === undefined) return -Infinity
  const [from, to] = [Date.parse(cert.validFrom), Date.parse(cert.validTo)]
  return to - Math.min(lookAheadMs, (to - from) / 3) * share
}

/** Why an authority cannot sign; undefined if it can. */
export function whyNotSigning({ cert, key }: KeptAuthority, now: number): string | undefined {
  const parsed = readCertificate(cert)
  if (parsed === undefined) return 'the certificate of the authority cannot be read'
  if (!parsed.ca) return 'the certificate of the authority is none of an authority'
  if (Date.parse(parsed.validTo) <= now) return 'the authority has expired'
  if (isNotYet(parsed, now))
    return 'the authority is not valid yet: whoever made it had a clock that was ahead'
  if (key === undefined) return 'the key of the authority is missing'
  return belongs(parsed, key) ? undefined : 'the key of the authority does not belong to its certificate'
}

/**
 * Why a certificate cannot be served, to clients that trust this authority and call these names; undefined if it can.
 */
export function whyNotServing(
  { cert, key }: PemPair,
  authority: string,
  names: readonly string[],
  now: number,
): string | undefined {
  const [parsed, issuer] = [readCertificate(cert), readCertificate(authority)]
  if (parsed === undefined) return 'the serving certificate cannot be read'
  if (issuer === undefined || !parsed.checkIssued(issuer) || !parsed.verify(issuer.publicKey))
    return 'the serving certificate is not one of the authority'
  if (!belongs(parsed, key)) return 'the key does not belong to the serving certificate'
  if (Date.parse(parsed.validTo) <= now) return 'the serving certificate has expired'
  if (isNotYet(parsed, now))
    return 'the serving certificate is not valid yet: whoever made it had a clock that was ahead'
  const missing = names.find((name) => parsed.checkHost(name) === undefined)
  return missing === undefined ? undefined : `the serving certificate is not for ${missing}`
}

/** True for a certificate whose time has not come: a client that is right about the time does not take it. */
function isNotYet({ validFrom }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) > now
}

function belongs(cert: X509Certificate, key: string): boolean {
  try {
    return cert.checkPrivateKey(createPrivateKey(key))
  } catch {
    // No key at all belongs to no certificate.
    return false
  }
}

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
