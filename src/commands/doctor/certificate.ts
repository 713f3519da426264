import { certificateBlocks, readCertificate } from '../../tls/stored.ts'
import { serverTime } from './clock.ts'
import type { CertificateMaker, Facts, Names, SeenWebhook } from './facts.ts'
import { type DoctorFinding, notKnown, ok, problem } from './finding.ts'
import { guardSelector } from './replicas.ts'

type Seen = Pick<Facts, 'certificate' | 'registration' | 'names' | 'now' | 'clock'>

/** Whether the API server trusts the certificate in the Secret, and for how long. */
export function checkServingCertificate(facts: Seen): DoctorFinding[] {
  const { certificate, names, clock } = facts
  const secret = `Secret ${names.certificateSecret} in namespace ${names.namespace}`
  if ('problem' in certificate)
    return [notKnown('certificate', `${secret} could not be read.`, certificate.problem)]
  if (certificate.seen === undefined) {
    return [
      notKnown(
        'certificate',
        `There is no serving certificate in ${secret}.`,
        'It may be in another Secret, or in files that only the guard sees.',
        'Name the Secret: holdfast doctor --certificate-secret <name>',
      ),
    ]
  }
  const { pem, madeBy } = certificate.seen
  const remedy = renewal(madeBy, names)
  const error = (what: string) =>
    problem('error', 'certificate', {
      what,
      why: 'The API server then trusts no guard: with failurePolicy Fail every eviction is denied, with Ignore nothing is judged.',
      remedy,
    })
  const chain = certificatesIn(pem)
  const [serving] = chain
  if (serving === undefined) return [error(`The content of tls.crt in ${secret} is not a certificate.`)]
  const findings: DoctorFinding[] = []
  // The API server's clock decides.
  const age = ageOf(serving, serverTime(facts.now, clock))
  const until = momentOf(serving, endOf(serving))
  if (age === 'not yet') {
    const from = momentOf(serving, startOf(serving))
    findings.push(
      error(
        `The serving certificate in ${secret} is not valid before ${from}: the clock of its maker was ahead.`,
      ),
    )
  } else if (age === 'over') {
    findings.push(error(`The serving certificate in ${secret} expired on ${until}.`))
  } else if (age === 'ending') {
    findings.push(
      problem('warn', 'certificate', {
        what: `The serving certificate in ${secret} is valid only until ${until}.`,
        why: 'It should have been renewed before, and after that the API server trusts no guard.',
        remedy,
      }),
    )
  }
  findings.push(...trusted(chain, serving, facts).map(error))
  return findings.length > 0
    ? findings
    : [ok('certificate', `The serving certificate in ${secret} is valid until ${until}.`)]
}

/** How to make another certificate, depending on its issuer. */
function renewal(madeBy: CertificateMaker, { namespace, certificateSecret }: Names): string {
  switch (madeBy.who) {
    case 'the guard':
      return `To see why it is not renewed: kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. To get a new one, remove it: kubectl -n ${namespace} patch secret ${certificateSecret} --type json -p '[{"op":"remove","path":"/data/tls.crt"}]'`
    case 'cert-manager':
      return `To see why cert-manager does not renew it: kubectl -n ${namespace} describe certificate ${madeBy.certificate}. To get a new one: cmctl renew -n ${namespace} ${madeBy.certificate}`
    case 'somebody else':
      return `Its issuer has to make another, since the guard only reads it. To find the issuer: kubectl -n ${namespace} get secret ${certificateSecret} --show-managed-fields -o yaml. Put the new one into tls.crt and tls.key there; the guard serves it within two minutes.`
  }
}

/** A sentence for each reason why the API server would reject it. */
function trusted(
  chain: readonly Certificate[],
  serving: Certificate,
  { registration, now, clock }: Seen,
): string[] {
  if ('problem' in registration) return []
  return (registration.seen ?? []).flatMap((webhook) => {
    const authorities = authoritiesOf(webhook).filter((each) =>
      ['valid', 'ending'].includes(ageOf(each, serverTime(now, clock))),
    )
    // Another check looks for a missing caBundle.
    if (authorities.length === 0) return []
    const reasons: string[] = []
    const links = chain.filter((each) => ['valid', 'ending'].includes(ageOf(each, serverTime(now, clock))))
    if (!leadsTo(serving, authorities, links)) {
      reasons.push(
        `The serving certificate is not signed by an authority in the caBundle of webhook ${webhook.name}.`,
      )
    }
    const host = hostOf(webhook)
    if (host !== undefined && !isFor(serving, host)) {
      reasons.push(`The serving certificate is not for ${host}, which webhook ${webhook.name} calls.`)
    }
    if (!servesServers(serving))
      reasons.push('The serving certificate is for other purposes than a server (extendedKeyUsage).')
    return reasons
  })
}

/** True if one certificate has signed the next, from an authority down to this one. Each link is used once. */
function leadsTo(
  cert: Certificate,
  authorities: readonly Certificate[],
  links: readonly Certificate[],
): boolean {
  if (authorities.some((authority) => isSignedBy(cert, authority))) return true
  const others = links.filter((link) => link.fingerprint256 !== cert.fingerprint256)
  return others.some((link) => isSignedBy(cert, link) && leadsTo(link, authorities, others))
}

/** The host that the API server calls. */
function hostOf({ clientConfig: { service, url } }: SeenWebhook): string | undefined {
  if (service) return `${service.name}.${service.namespace}.svc`
  return url && URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined
}

/** As Go has it: a name in the subject is none, and `*` stands for a whole part of a name. */
function isFor(cert: Certificate, host: string): boolean {
  const isAddress = /:|^\d+(\.\d+){3}$/.test(host)
  return isAddress
    ? cert.checkIP(host) !== undefined
    : cert.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined
}

/** A certificate that says nothing of its purpose is for any. (Node calls the extended usages `keyUsage`.) */
function servesServers({ keyUsage }: Certificate): boolean {
  const usages = new Set(keyUsage)
  return usages.size === 0 || usages.has(serverAuth) || usages.has(anyUsage)
}

const serverAuth = '1.3.6.1.5.5.7.3.1'
const anyUsage = '2.5.29.37.0'

function isSignedBy(cert: Certificate, authority: Certificate): boolean {
  if (cert.fingerprint256 === authority.fingerprint256) return true
  return cert.checkIssued(authority) && cert.verify(authority.publicKey)
}

/** Whether the registration has a caBundle, and how long its authorities are valid. */
export function checkTrust({
  registration,
  names,
  now,
  clock,
}: Pick<Facts, 'registration' | 'names' | 'now' | 'clock'>): DoctorFinding[] {
  if ('problem' in registration) {
    return [notKnown('trust', 'The caBundle of the registration could not be read.', registration.problem)]
  }
  if (registration.seen === undefined || registration.seen.length === 0) {
    const why = `ValidatingWebhookConfiguration ${names.webhookConfiguration} has no webhook, so the API server trusts no guard.`
    return [notKnown('trust', 'There is no caBundle to check.', why)]
  }
  return registration.seen.map((webhook) => judged(webhook, names, serverTime(now, clock)))
}

/** The authorities that the API server trusts for a webhook. */
function authoritiesOf({ clientConfig }: SeenWebhook): Certificate[] {
  return certificatesIn(Buffer.from(clientConfig.caBundle ?? '', 'base64').toString())
}

function judged(webhook: SeenWebhook, { namespace }: Names, now: number): DoctorFinding {
  const error = (what: string) =>
    problem('error', 'trust', {
      what: `${what} of webhook ${webhook.name}.`,
      why: 'The API server trusts no guard then: with failurePolicy Fail every eviction is denied, with Ignore nothing is judged.',
      remedy: `A guard that makes its own certificate publishes its authority within ten seconds of its start: kubectl -n ${namespace} rollout restart deployment -l ${guardSelector}. With cert-manager look at its cainjector.`,
    })
  if ((webhook.clientConfig.caBundle ?? '') === '') return error('There is no caBundle in the registration')
  const authorities = authoritiesOf(webhook)
  if (authorities.length === 0) return error('There is no certificate in the caBundle')
  // A certificate that is not valid yet may be announced, or from a clock that was ahead. It becomes trusted
  // later.
  const begun = authorities.filter((each) => ageOf(each, now) !== 'not yet')
  const [first] = authorities.toSorted((a, b) => startOf(a) - startOf(b))
  const [last] = begun.toSorted((a, b) => endOf(b) - endOf(a))
  if (last === undefined) {
    const from = first ? ` (before ${momentOf(first, startOf(first))})` : ''
    return error(`No authority is valid yet${from} in the caBundle`)
  }
  const until = momentOf(last, endOf(last))
  const age = ageOf(last, now)
  if (age === 'over') return error(`Every authority has expired (${until}) in the caBundle`)
  if (age === 'ending') {
    return problem('warn', 'trust', {
      what: `The caBundle of webhook ${webhook.name} is valid only until ${until}.`,
      why: 'After that the API server trusts no guard. It should have been renewed long before.',
      remedy: `To see what prevents that: kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50`,
    })
  }
  return ok('trust', `The API server trusts the authority of webhook ${webhook.name} until ${until}.`)
}

/** A readable certificate. */
type Certificate = NonNullable<ReturnType<typeof readCertificate>>

/** All readable certificates of a PEM text. */
function certificatesIn(pem: string): Certificate[] {
  return certificateBlocks(pem).flatMap((block) => readCertificate(block) ?? [])
}

/** When a certificate ends, in milliseconds since the epoch. */
function endOf({ validTo }: Certificate): number {
  return Date.parse(validTo)
}

/** When it begins to be valid, in milliseconds since the epoch. */
function startOf({ validFrom }: Certificate): number {
  return Date.parse(validFrom)
}

/**
 * The warning time of a long-lived certificate, in milliseconds: cert-manager renews a month before the end.
 */
const longestEndMs = 14 * 86_400_000

/**
 * The phase of a certificate. Issuers renew with a third of its life left, or 90 days of a long life, like
 * the guard. It is `ending` once half of that time is over too.
 */
function ageOf(certificate: Certificate, now: number): 'not yet' | 'valid' | 'ending' | 'over' {
  const [from, to] = [startOf(certificate), endOf(certificate)]
  if (from > now) return 'not yet'
  if (to <= now) return 'over'
  return to - now < Math.min(longestEndMs, (to - from) / 6) ? 'ending' : 'valid'
}

/** `2026-11-23`. */
export function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** `2026-11-23`, and for a life of a few weeks with the time of day: `2026-11-23T12:00Z`. */
function momentOf(certificate: Certificate, at: number): string {
  const isShort = endOf(certificate) - startOf(certificate) < 60 * 86_400_000
  return isShort ? `${new Date(at).toISOString().slice(0, 16)}Z` : day(at)
}
