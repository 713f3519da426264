import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { KeptAuthority } from './kept.ts'
import type { PemPair } from './pem-pair.ts'

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
export function isNotYet({ validFrom }: X509Certificate, now: number): boolean {
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
