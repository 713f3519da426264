import type { Facts } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'
import { certificatesIn, day, endOf, type Certificate } from './pem.ts'
import { authoritiesOf } from './trust.ts'

/** The guard renews 90 days before the end, cert-manager as a rule a month: two weeks before it is overdue for both. */
const soonMs = 14 * 86_400_000

type Seen = Pick<Facts, 'certificate' | 'registration' | 'names' | 'now'>

/** Whether the certificate in the Secret is one that the API server trusts, and for how long. */
export function checkCertificate(facts: Seen): Finding[] {
  const { certificate, names, now } = facts
  const secret = `Secret ${names.certificateSecret} in namespace ${names.namespace}`
  if ('problem' in certificate)
    return [notKnown('certificate', `${secret} could not be read.`, certificate.problem)]
  if (certificate.seen === undefined) {
    return [
      notKnown(
        'certificate',
        `There is no serving certificate in ${secret}.`,
        'It may lie in another Secret, or in files that only the guard sees.',
        'Name the Secret: holdfast doctor --certificate-secret <name>',
      ),
    ]
  }
  const renew = `See what hinders its renewal: kubectl -n ${names.namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. To have a new one made, take it out: kubectl -n ${names.namespace} patch secret ${names.certificateSecret} --type json -p '[{"op":"remove","path":"/data/tls.crt"}]'`
  const error = (what: string) =>
    problem('error', 'certificate', {
      what,
      why: 'The API server then trusts no guard: with failurePolicy Fail every eviction is refused, with Ignore nothing is judged.',
      remedy: renew,
    })
  const chain = certificatesIn(certificate.seen)
  const [serving] = chain
  if (serving === undefined) return [error(`What lies in tls.crt of ${secret} is no certificate.`)]
  const end = endOf(serving)
  const findings: Finding[] = []
  if (end <= now) {
    findings.push(error(`The serving certificate in ${secret} expired on ${day(end)}.`))
  } else if (end - now < soonMs) {
    findings.push(
      problem('warn', 'certificate', {
        what: `The serving certificate in ${secret} is good only until ${day(end)}.`,
        why: 'It should have been renewed before, and after that the API server trusts no guard.',
        remedy: renew,
      }),
    )
  }
  findings.push(...trusted(chain, serving, facts).map(error))
  return findings.length > 0
    ? findings
    : [ok('certificate', `The serving certificate in ${secret} is good until ${day(end)}.`)]
}

/** A sentence for each reason why the API server would not take it. */
function trusted(chain: readonly Certificate[], serving: Certificate, { registration }: Seen): string[] {
  if ('problem' in registration) return []
  return (registration.seen ?? []).flatMap((webhook) => {
    const authorities = authoritiesOf(webhook)
    // Whether there is any to trust is another check's business.
    if (authorities.length === 0) return []
    const reasons: string[] = []
    const signed = authorities.some((authority) => chain.some((link) => isSignedBy(link, authority)))
    if (!signed) {
      reasons.push(
        `The serving certificate is not signed by an authority in the caBundle of webhook ${webhook.name}.`,
      )
    }
    const { service } = webhook.clientConfig
    const host = service ? `${service.name}.${service.namespace}.svc` : undefined
    if (host !== undefined && serving.checkHost(host) === undefined) {
      reasons.push(`The serving certificate is not for ${host}, which webhook ${webhook.name} calls.`)
    }
    return reasons
  })
}

function isSignedBy(cert: Certificate, authority: Certificate): boolean {
  if (cert.fingerprint256 === authority.fingerprint256) return true
  return cert.checkIssued(authority) && cert.verify(authority.publicKey)
}
