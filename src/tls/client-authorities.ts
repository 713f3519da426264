import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { mostBytes, readBounded } from '../text/bounded-file.ts'
import { certificateBlocks, readCertificate } from './stored.ts'
import { inWords } from '../text/system-error.ts'

/** The authorities whose client certificates the guard accepts, as one file has them. */
export interface ClientAuthorities {
  /** All of them, PEM. */
  readonly pem: string
  /** The same, at least one. */
  readonly certificates: readonly X509Certificate[]
}

/**
 * Thrown for a file with an unusable certificate. Without the error, clients of that authority would be
 * locked out without a sign.
 */
export class UnusableClientAuthorities extends Error {
  constructor(path: string, why: string, cause?: unknown) {
    super(
      `${path} (--client-ca) cannot be used: ${why}. It has to be PEM, with the certificate of each authority that signs client certificates of API servers`,
      { cause },
    )
    this.name = 'UnusableClientAuthorities'
  }
}

/**
 * Reads the authorities in a file.
 *
 * @throws {@link UnusableClientAuthorities}, or the signal's reason
 */
export async function readClientAuthorities(path: string, signal: AbortSignal): Promise<ClientAuthorities> {
  try {
    const content = await readBounded(path, mostBytes.credential, { signal })
    return parseClientAuthorities(content.toString('utf8'), path)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof UnusableClientAuthorities) throw error
    throw new UnusableClientAuthorities(path, inWords(error), error)
  }
}

/**
 * Takes a PEM text apart.
 *
 * @param path for messages only
 * @throws {@link UnusableClientAuthorities}
 */
export function parseClientAuthorities(text: string, path: string): ClientAuthorities {
  const blocks = certificateBlocks(text)
  if (blocks.length === 0) throw new UnusableClientAuthorities(path, 'it has no certificate')
  const certificates = blocks.map((block, index) => {
    const which = blocks.length === 1 ? 'its certificate' : `certificate ${index + 1} of ${blocks.length}`
    const certificate = readCertificate(block)
    if (certificate === undefined) throw new UnusableClientAuthorities(path, `${which} cannot be read`)
    if (!certificate.ca)
      throw new UnusableClientAuthorities(path, `${which} is not of an authority (CA:FALSE)`)
    return certificate
  })
  const open = certificates.find((each) => !certificates.some((issuer) => each.checkIssued(issuer)))
  if (open !== undefined) {
    throw new UnusableClientAuthorities(
      path,
      `${oneLine(open.subject)} is signed by ${oneLine(open.issuer)}, which is not in it. Node follows a client certificate to an authority that has signed itself: add that one, and name the accepted clients with --client-name`,
    )
  }
  return { pem: `${blocks.join('\n')}\n`, certificates }
}

/** Node puts each part of a name on a separate line. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}

/** True if both have the same authorities in the same order. */
export function sameAuthorities(one: ClientAuthorities, other: ClientAuthorities): boolean {
  return one.pem === other.pem
}

/** The certificates that a client has shown. */
export interface Shown {
  /**
   * Its certificate, then the one that signed it, as far as the client sent them. Empty without a
   * certificate.
   */
  readonly chain: readonly X509Certificate[]
  /** The error of the handshake, as OpenSSL calls it; undefined if there was none. */
  readonly objection: string | undefined
}

/** The clients that the guard accepts. */
export interface Wanted {
  readonly authorities: ClientAuthorities
  /** Common names, DNS names or addresses, of which a certificate needs one. An empty list accepts any. */
  readonly names: readonly string[]
}

/** Why the guard rejects a client. */
export type Rejection = 'no-certificate' | 'not-trusted' | 'expired' | 'not-for-clients' | 'other-name'

/** All of these reasons. */
export const rejections: readonly Rejection[] = [
  'no-certificate',
  'not-trusted',
  'expired',
  'not-for-clients',
  'other-name',
]

/** The result of checking a client's certificates. */
type Judged =
  | { readonly accepted: false; readonly why: Rejection }
  /**
   * @param until the earliest end of the certificates that the result rests on, in milliseconds since the
   * epoch
   */
  | { readonly accepted: true; readonly until: number }

/** Key purpose id-kp-clientAuth. Without a list of purposes OpenSSL accepts a serving certificate. */
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** OpenSSL's codes for a certificate that is not valid now, and for one that is not for clients. */
const outOfTime = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'])
const wrongPurpose = new Set(['INVALID_PURPOSE', 'KEYUSAGE_NO_CERTSIGN'])

/**
 * Judges the certificates of a client. The handshake has checked the signatures, but only once. A connection
 * lasts for hours, and meanwhile certificates end and authorities leave the file. So this looks for the
 * signer again.
 *
 * @param now in milliseconds since the epoch
 */
export function judgeClient(
  { chain, objection }: Shown,
  { authorities, names }: Wanted,
  now: number,
): Judged {
  const [leaf] = chain
  if (leaf === undefined) return rejected('no-certificate')
  if (objection !== undefined) {
    if (outOfTime.has(objection)) return rejected('expired')
    return rejected(wrongPurpose.has(objection) ? 'not-for-clients' : 'not-trusted')
  }
  const signers = authorities.certificates.filter((authority) => signs(authority, chain))
  if (signers.length === 0) return rejected('not-trusted')
  const until = Math.min(...chain.map(endOf), Math.max(...signers.map(endOf)))
  if (until <= now || now < Date.parse(leaf.validFrom)) return rejected('expired')
  // Undefined for a certificate without purposes, although its type says otherwise.
  if (!new Set(leaf.keyUsage).has(clientAuth)) return rejected('not-for-clients')
  if (names.length > 0 && !names.some((name) => isNamed(leaf, name))) return rejected('other-name')
  return { accepted: true, until }
}

function rejected(why: Rejection): Judged {
  return { accepted: false, why }
}

/** True if an authority is, or has signed, one of the certificates. */
function signs(authority: X509Certificate, chain: readonly X509Certificate[]): boolean {
  return chain.some(
    (link) =>
      link.fingerprint256 === authority.fingerprint256 ||
      (link.checkIssued(authority) && link.verify(authority.publicKey)),
  )
}

function endOf({ validTo }: X509Certificate): number {
  return Date.parse(validTo)
}

/** Compares exact names: no wildcard of a certificate matches a client. */
function isNamed(certificate: X509Certificate, name: string): boolean {
  if (commonNames(certificate).includes(name)) return true
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined
}

/** The name of a certificate for people: its common names; may be empty. */
export function commonNames(certificate: X509Certificate): string[] {
  return namesIn(certificate.toLegacyObject())
}

/** A certificate without a name has no subject, although its type says otherwise. */
function namesIn({ subject }: { readonly subject?: { readonly CN?: unknown } }): string[] {
  return [subject?.CN].flat().filter((name): name is string => typeof name === 'string')
}
