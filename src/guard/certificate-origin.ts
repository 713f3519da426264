import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { CertificateSecret } from '../kubernetes/certificate-secret.ts'
import { systemClock } from '../kubernetes/clock.ts'
import type { Connection } from '../kubernetes/connection.ts'
import { LeaseElection } from '../kubernetes/lease-election.ts'
import { WebhookTrust } from '../kubernetes/webhook-trust.ts'
import { CertificateFiles } from '../tls/certificate-files.ts'
import type { CertificateSource } from '../tls/certificate-source.ts'
import { ProblemLog } from '../telemetry/problem-log.ts'
import { OwnCertificates } from '../tls/own-certificates.ts'
import { guardNamespace } from './guard-namespace.ts'

/** The Lease by which replicas agree who makes certificates. */
const electionLease = 'certificate-writer'

/** Where the configuration says that the serving certificate comes from: files, or a Secret that the guard fills itself. */
export function certificateOrigin(
  configuration: Configuration,
  connection: Connection,
  log: Logger,
): CertificateSource {
  const { certificateSecret: name, replica, webhookConfiguration, tlsCert, tlsKey } = configuration
  if (name === undefined) return new CertificateFiles(tlsCert, tlsKey)
  const namespace = guardNamespace(configuration, connection)
  const problems = new ProblemLog(log, systemClock)
  const election = { connection, namespace, name: electionLease, replica, clock: systemClock }
  return new OwnCertificates([configuration.serverName ?? `holdfast.${namespace}.svc`], {
    store: new CertificateSecret({ connection, namespace, name }),
    registration: new WebhookTrust(connection, webhookConfiguration),
    election: new LeaseElection(election),
    timers: systemClock,
    onStep: ({ step, why }) => log.info({ step, why, secret: name }, 'certificates were renewed'),
    onProblem: (error) => problems.error({ err: error }, 'certificates cannot be kept as they should'),
    onWell: () => problems.well(),
  })
}
