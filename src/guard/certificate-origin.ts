import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { CertificateSecret } from '../kubernetes/certificate-secret.ts'
import { systemClock, type Clock } from '../time/clock.ts'
import { ClockSkew } from '../kubernetes/clock-skew.ts'
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
  clock: Clock = systemClock,
): CertificateSource {
  const { certificateSecret: name, replica, webhookConfiguration, tlsCert, tlsKey } = configuration
  if (name === undefined) return new CertificateFiles(tlsCert, tlsKey)
  const namespace = guardNamespace(configuration, connection)
  const problems = new ProblemLog(log, clock)
  // The API server judges certificates by its own clock, and that of this machine may be a day off.
  const skew = new ClockSkew(clock)
  const watched = skew.watching(connection)
  const timers: Clock = {
    now: () => clock.now() + skew.aheadMs(),
    monotonic: () => clock.monotonic(),
    setTimer: (ms, fire) => clock.setTimer(ms, fire),
  }
  const election = { connection: watched, namespace, name: electionLease, replica, clock }
  return new OwnCertificates([configuration.serverName ?? `holdfast.${namespace}.svc`], {
    store: new CertificateSecret({ connection: watched, namespace, name }),
    registration: new WebhookTrust(watched, webhookConfiguration),
    election: new LeaseElection(election),
    timers,
    onStep: ({ step, why }) => log.info({ step, why, secret: name }, 'certificates were renewed'),
    onProblem: (error) => problems.error({ err: error }, 'certificates cannot be kept as they should'),
    onWell: () => problems.well(),
  })
}
