import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Extension } from '@peculiar/x509'
import type { TimeOfDay } from '../time/clock.ts'
import { keyFromPem, keyToPem, makeKeys, signingAlgorithm, validity, x509Library } from './authority.ts'
import type { PemPair } from './stored.ts'

/** Options of a certificate. */
interface IssueOptions {
  /** In milliseconds; a year by default. A certificate never outlives its authority. */
  readonly lifetimeMs: number
}

const defaultIssueOptions: IssueOptions = { lifetimeMs: 365 * 86_400_000 }

/** Thrown when an authority cannot sign. */
export class UnusableAuthority extends Error {
  constructor(why: string, cause?: unknown) {
    super(`The certificate authority cannot be used: ${why}. Check its .crt and .key, or make a new one`, {
      cause,
    })
    this.name = 'UnusableAuthority'
  }
}

/**
 * Issues a serving certificate with a new key.
 *
 * @throws {@link UnusableAuthority}, {@link BadServerName}
 */
export async function issueServing(
  authority: PemPair,
  names: ServerNames,
  clock: TimeOfDay,
  options: Partial<IssueOptions> = {},
): Promise<PemPair> {
  checkServerNames(names)
  const x509 = await x509Library()
  const extensions = [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      ...names.dns.map((value) => ({ type: 'dns' as const, value })),
      ...names.ips.map((value) => ({ type: 'ip' as const, value })),
    ]),
  ]
  return await issue(authority, { commonName: 'Holdfast', extensions }, clock, options)
}

/**
 * Issues a client certificate with a new key.
 *
 * @param commonName the name of the client; letters, digits and hyphens
 * @throws {@link UnusableAuthority}
 */
export async function issueClient(
  authority: PemPair,
  commonName: string,
  clock: TimeOfDay,
  options: Partial<IssueOptions> = {},
): Promise<PemPair> {
  const x509 = await x509Library()
  const extensions = [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]
  return await issue(authority, { commonName, extensions }, clock, options)
}

/** The subject and the purpose of a certificate. */
interface Subject {
  readonly commonName: string
  readonly extensions: readonly Extension[]
}

async function issue(
  authority: PemPair,
  { commonName, extensions }: Subject,
  clock: TimeOfDay,
  options: Partial<IssueOptions>,
): Promise<PemPair> {
  const { lifetimeMs } = { ...defaultIssueOptions, ...options }
  const notAfterLimit = checkAuthority(authority, clock)
  const signingKey = await authorityKey(authority)
  const x509 = await x509Library()
  const issuer = new x509.X509Certificate(authority.cert)
  const keys = await makeKeys()
  const cert = await x509.X509CertificateGenerator.create(
    {
      subject: `CN=${commonName}`,
      issuer: issuer.subject,
      ...validity(clock, lifetimeMs, notAfterLimit),
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        ...extensions,
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return { cert: `${cert.toString('pem')}\n`, key: keyToPem(keys.privateKey) }
}

/** @returns until when the authority itself is valid */
function checkAuthority({ cert, key }: PemPair, clock: TimeOfDay): Date {
  let parsed: X509Certificate
  let belongs: boolean
  try {
    parsed = new X509Certificate(cert)
    belongs = parsed.checkPrivateKey(createPrivateKey(key))
  } catch (cause) {
    throw new UnusableAuthority('its certificate or its key is not PEM', cause)
  }
  if (!belongs) throw new UnusableAuthority('its key does not belong to its certificate')
  if (!parsed.ca) throw new UnusableAuthority('its certificate is not allowed to sign others (CA:FALSE)')
  const notAfter = new Date(parsed.validTo)
  if (notAfter.getTime() <= clock.now()) {
    throw new UnusableAuthority(`it expired on ${notAfter.toISOString()}`)
  }
  const notBefore = new Date(parsed.validFrom)
  if (notBefore.getTime() > clock.now()) {
    throw new UnusableAuthority(`it is not valid before ${notBefore.toISOString()}`)
  }
  return notAfter
}

async function authorityKey({ key }: PemPair): Promise<webcrypto.CryptoKey> {
  try {
    return await keyFromPem(key)
  } catch (cause) {
    throw new UnusableAuthority('its key is not an ECDSA P-256 one', cause)
  }
}

/** The names by which clients call a server; at least one name or address. */
export interface ServerNames {
  /** `localhost`, `holdfast.holdfast.svc`; the first label may be `*`. */
  readonly dns: readonly string[]
  /** IPv4 or IPv6. */
  readonly ips: readonly string[]
}

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

/** Thrown for names that no client can use. */
export class BadServerName extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BadServerName'
  }
}

/**
 * Checks that clients can use a certificate for these names.
 *
 * @throws {@link BadServerName}
 */
function checkServerNames({ dns, ips }: ServerNames): void {
  if (dns.length + ips.length === 0) {
    throw new BadServerName(
      'A serving certificate needs at least one DNS name or IP address: clients compare it with the address that they call',
    )
  }
  for (const name of dns) {
    if (isIP(name) !== 0) {
      throw new BadServerName(
        `${name} is an IP address, not a DNS name: clients compare addresses with addresses only`,
      )
    }
    const [first = '', ...others] = name.split('.')
    const labels = first === '*' && others.length > 0 ? others : [first, ...others]
    if (name.length > 253 || !labels.every((each) => label.test(each))) {
      throw new BadServerName(
        `${JSON.stringify(name)} is not a DNS name: letters, digits and hyphens, in labels of at most 63 characters`,
      )
    }
  }
  const wrong = ips.find((ip) => isIP(ip) === 0 || ip.includes('%'))
  if (wrong !== undefined) throw new BadServerName(`${JSON.stringify(wrong)} is not an IP address`)
}
