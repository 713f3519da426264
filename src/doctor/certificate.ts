import { serverTime } from './clock.ts'
import type { CertificateMaker, Facts, Names } from './facts.ts'
import { notKnown, ok, problem, type Finding } from './finding.ts'
import { ageOf, certificatesIn, endOf, momentOf, startOf, type Certificate } from './pem.ts'
import { authoritiesOf } from './trust.ts'

type Seen = Pick<Facts, 'certificate' | 'registration' | 'names' | 'now' | 'clock'>

/** Whether the certificate in the Secret is one that the API server trusts, and for how long. */
export function checkCertificate(facts: Seen): Finding[] {
  const { certificate, names, clock } = facts
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
  const { pem, madeBy } = certificate.seen
  const remedy = renewal(madeBy, names)
  const error = (what: string) =>
    problem('error', 'certificate', {
      what,
      why: 'The API server then trusts no guard: with failurePolicy Fail every eviction is refused, with Ignore nothing is judged.',
      remedy,
    })
  const chain = certificatesIn(pem)
  const [serving] = chain
  if (serving === undefined) return [error(`What lies in tls.crt of ${secret} is no certificate.`)]
  const findings: Finding[] = []
  // The API server goes by its own clock.
  const age = ageOf(serving, serverTime(facts.now, clock))
  const until = momentOf(serving, endOf(serving))
  if (age === 'not yet') {
    const from = momentOf(serving, startOf(serving))
    findings.push(
      error(
        `The serving certificate in ${secret} is not valid before ${from}: whoever made it had a clock that was ahead.`,
      ),
    )
  } else if (age === 'over') {
    findings.push(error(`The serving certificate in ${secret} expired on ${until}.`))
  } else if (age === 'ending') {
    findings.push(
      problem('warn', 'certificate', {
        what: `The serving certificate in ${secret} is good only until ${until}.`,
        why: 'It should have been renewed before, and after that the API server trusts no guard.',
        remedy,
      }),
    )
  }
  findings.push(...trusted(chain, serving, facts).map(error))
  return findings.length > 0
    ? findings
    : [ok('certificate', `The serving certificate in ${secret} is good until ${until}.`)]
}

/** How another certificate is made, by whoever makes it. */
function renewal(madeBy: CertificateMaker, { namespace, certificateSecret }: Names): string {
  switch (madeBy.who) {
    case 'the guard':
      return `See what hinders its renewal: kubectl -n ${namespace} logs -l app.kubernetes.io/component=guard --prefix --tail 50. To have a new one made, take it out: kubectl -n ${namespace} patch secret ${certificateSecret} --type json -p '[{"op":"remove","path":"/data/tls.crt"}]'`
    case 'cert-manager':
      return `See what hinders cert-manager: kubectl -n ${namespace} describe certificate ${madeBy.certificate}. To have a new one made: cmctl renew -n ${namespace} ${madeBy.certificate}`
    case 'somebody else':
      return `Whoever made it has to make another, since the guard only reads this one. See who wrote it: kubectl -n ${namespace} get secret ${certificateSecret} --show-managed-fields -o yaml. Put the new one into tls.crt and tls.key there; the guard serves it within two minutes.`
  }
}

/** A sentence for each reason why the API server would not take it. */
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
