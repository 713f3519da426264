import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

/** An authority. Without its key it stays trusted but cannot sign. */
export interface KeptAuthority {
  readonly cert: string
  readonly key: string | undefined
}

/** The stored certificates of a guard that makes its own, all PEM, as they were found: usable or not. */
export interface Kept {
  /** The one that has signed the serving certificate. */
  readonly authority: KeptAuthority | undefined
  /** Already published to the API server; signs from the next change on. */
  readonly next: PemPair | undefined
  /**
   * The certificate of the previous one, trusted as long as a replica may serve certificates that it signed.
   */
  readonly previous: string | undefined
  readonly serving: PemPair | undefined
}

/**
 * The bundle for the API server, as PEM: the previous, the current and the next authority. Equal authorities
 * yield equal text, so bundles can be compared.
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

/**
 * A year before its end leaves time for everything; three months are enough
 * (kubernetes.md, Staying out of the way).
 */
const lookAheadMs = 90 * 86_400_000

/** The first certificate of a PEM text; undefined if there is none. */
export function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem)
  } catch {
    // An unreadable one is replaced like a missing one.
    return undefined
  }
}

/** True if it is time to replace a certificate: 90 days before its end, or after two thirds of a shorter life. */
export function isDue(pem: string, now: number): boolean {
  return now >= dueAt(pem, 1)
}

/**
 * True if a third of the time to replace a certificate is over: 60 days before its end. If all machines sleep
 * for a month at a time, the replica that looked just before has a second month.
 */
export function isUrgent(pem: string, now: number): boolean {
  return now >= dueAt(pem, 2 / 3)
}

/**
 * True if a certificate that the authority signs now would end with it, and leave less time to replace it
 * than usual.
 */
export function isEnding(pem: string, now: number): boolean {
  return now >= dueAt(pem, 3)
}

/** An unreadable certificate is due at any time. */
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
  if (!parsed.ca) return 'the certificate of the authority is not of an authority (CA:FALSE)'
  if (Date.parse(parsed.validTo) <= now) return 'the authority has expired'
  if (isNotYet(parsed, now)) return 'the authority is not valid yet: the clock of its maker was ahead'
  if (key === undefined) return 'the key of the authority is missing'
  return belongs(parsed, key) ? undefined : 'the key of the authority does not belong to its certificate'
}

/**
 * Why a certificate cannot be served to clients that trust this authority and use these names; undefined if
 * it can.
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
    return 'the authority has not signed the serving certificate'
  if (!belongs(parsed, key)) return 'the key does not belong to the serving certificate'
  if (Date.parse(parsed.validTo) <= now) return 'the serving certificate has expired'
  if (isNotYet(parsed, now))
    return 'the serving certificate is not valid yet: the clock of its maker was ahead'
  const missing = names.find((name) => parsed.checkHost(name) === undefined)
  return missing === undefined ? undefined : `the serving certificate is not for ${missing}`
}

/** True for a certificate that is not valid yet. A client with the right time rejects it. */
function isNotYet({ validFrom }: X509Certificate, now: number): boolean {
  return Date.parse(validFrom) > now
}

function belongs(cert: X509Certificate, key: string): boolean {
  try {
    return cert.checkPrivateKey(createPrivateKey(key))
  } catch {
    // A missing key belongs to no certificate.
    return false
  }
}

/**
 * When a certificate expires. Of a chain the first one counts, since it is renewed most often.
 *
 * @param pem one certificate or a chain
 * @throws an Error if there is no certificate in it
 */
export function expiryOf(pem: string): Date {
  try {
    return new Date(new X509Certificate(pem).validTo)
  } catch (cause) {
    throw new Error('This is not a certificate in PEM, so its expiry is unknown', { cause })
  }
}

/** The certificate and key of a door, both PEM. The certificate may carry its chain. */
export interface ServingCertificate {
  readonly cert: string
  readonly key: string
}

/** Thrown for a certificate that cannot be served, before the old one is dropped. */
export class UnusableCertificate extends Error {
  constructor(cause: unknown) {
    super(
      'The serving certificate and its key cannot be used: both have to be PEM and belong to each other. Check tls.crt and tls.key',
      { cause },
    )
    this.name = 'UnusableCertificate'
  }
}

/**
 * Checks that a certificate can be served. OpenSSL's own messages name neither file nor reason.
 *
 * @throws {@link UnusableCertificate}
 */
export function checkCertificate({ cert, key }: ServingCertificate): void {
  try {
    // OpenSSL takes an empty file for "no certificate", and then serves without one.
    new X509Certificate(cert)
    createPrivateKey(key)
    createSecureContext({ cert, key })
  } catch (error) {
    throw new UnusableCertificate(error)
  }
}
