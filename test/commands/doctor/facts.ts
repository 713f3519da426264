import {
  type CertificateMaker,
  type Facts,
  type Names,
  parseRegistration,
  type Registration,
  type ReplicaPolicy,
  type SeenCertificate,
} from '../../../src/commands/doctor/facts.ts'
import type { DoctorFinding, Level } from '../../../src/commands/doctor/finding.ts'
import { rightsOf } from '../../../src/commands/doctor/rights.ts'
import { registration } from '../../../src/doors/webhook/registration.ts'
import { type Kind, kinds } from '../../../src/longhorn/kinds.ts'
import { defaultPolicy } from '../../../src/rules/policy.ts'
import { makeAuthority } from '../../../src/tls/authority.ts'
import { issueServing } from '../../../src/tls/issue.ts'
import { cluster, noon } from '../../fixtures/cluster.ts'
import { disk, ready } from '../../fixtures/raw-objects.ts'

/** The default names of the cluster's objects. */
export const names: Names = {
  namespace: 'holdfast',
  longhornNamespace: 'longhorn-system',
  webhookConfiguration: 'holdfast',
  certificateSecret: 'holdfast-tls',
  serviceAccount: 'holdfast',
  makesCertificate: true,
  target: undefined,
}

/** Makes certificates as of noon. */
export const clock = { now: () => noon }

/** The authority that the API server trusts in a healthy cluster. */
export const authority = await makeAuthority(clock)

/** The serving certificate in a healthy cluster, for a year. */
export const serving = await issueServing(authority, { dns: ['holdfast.holdfast.svc'], ips: [] }, clock)

/** A registration as the chart makes it, but for parts of its one webhook. */
export function registered(parts: Readonly<Record<string, unknown>> = {}): Registration {
  const made = registration({ url: '', authorityCert: authority.cert, timeoutSeconds: 10 })
  const [webhook] = made.webhooks
  const clientConfig = {
    service: { namespace: 'holdfast', name: 'holdfast' },
    caBundle: webhook?.clientConfig.caBundle,
  }
  const parsed = parseRegistration({ ...made, webhooks: [{ ...webhook, clientConfig, ...parts }] })
  if (!parsed.ok) throw new Error(parsed.problem)
  return parsed.value
}

/** A serving certificate, and who makes it. */
export function made(pem: string, madeBy: CertificateMaker = { who: 'the guard' }): SeenCertificate {
  return { pem, madeBy }
}

/** A cluster in which all is well, but for what is given. */
export function facts(but: Partial<Facts> = {}): Facts {
  const world = cluster('v1.10.0')
    .node('n1', [disk('d1')])
    .image('ubuntu', [ready('d1')])
  const pod = { name: 'holdfast-1', image: 'holdfast:1', ready: true, serves: true }
  return {
    names,
    now: noon,
    map: { seen: world.map },
    definitions: allKinds.map((kind) => ({ kind, looked: { seen: { served: true, knowsCopies: true } } })),
    registration: { seen: registered() },
    certificate: { seen: made(serving.cert) },
    rights: rightsOf(names).map((right) => ({ right, allowed: { seen: true } })),
    deployments: { seen: [{ name: 'holdfast', wanted: 2 }] },
    pods: { seen: [pod, { ...pod, name: 'holdfast-2' }] },
    policies: { seen: [replicaPolicy('holdfast-1'), replicaPolicy('holdfast-2')] },
    dryRun: {
      seen: {
        removal: { image: 'ubuntu', disks: ['d1'] },
        result: { result: 'denied', rules: ['last-usable-copy'] },
      },
    },
    book: { seen: { entries: [], unreadable: [] } },
    anchor: { seen: 'holdfast' },
    books: { seen: ['holdfast'] },
    leases: { seen: [{ name: 'certificate-writer', holder: 'holdfast-1', renewedAt: noon - 5_000 }] },
    clock: { seen: { aheadMs: 100, uncertainMs: 510 } },
    ...but,
  }
}

/** The report of a replica that enforces everything, with the given changes. */
export function replicaPolicy(replica: string, but: Partial<ReplicaPolicy> = {}): ReplicaPolicy {
  return {
    replica,
    modes: defaultPolicy.modes,
    evictionCompletion: 'hold',
    release: null,
    callers: null,
    ...but,
  }
}

/** A fact that cannot be read, and the expected text about it. */
export const forbidden = { problem: 'ann is not allowed to' }

/** The kinds of Longhorn. */
export const allKinds = Object.keys(kinds).filter((name): name is Kind => Object.hasOwn(kinds, name))

/** The levels of findings, in their order. */
export function levels(findings: readonly DoctorFinding[]): Level[] {
  return findings.map(({ level }) => level)
}

/** All that a person reads of findings. */
export function said(findings: readonly DoctorFinding[]): string {
  return findings.map(({ what, why, remedy }) => [what, why, remedy].join('\n')).join('\n')
}
