import type { Logger } from 'pino'
import type { Configuration } from '../configuration/configuration.ts'
import { CertificateSecret } from '../kubernetes/certificate-secret.ts'
import type { Connection } from '../kubernetes/client/connection.ts'
import { ClockSkew } from '../kubernetes/leases/clock-skew.ts'
import { LeaseElection } from '../kubernetes/leases/election.ts'
import { WebhookTrust } from '../kubernetes/webhook-configuration.ts'
import { ProblemLog } from '../observability/problem-log.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { type ClientAuthorities, readClientAuthorities, sameAuthorities } from '../tls/client-authorities.ts'
import { CertificateFiles, type CertificateSource } from '../tls/folder.ts'
import { Reload } from '../tls/reload.ts'
import { OwnCertificates } from '../tls/self-managed.ts'
import { expiryOf, type PemPair, samePair } from '../tls/stored.ts'
import { guardNamespace } from './guard-namespace.ts'

/** The Lease with which replicas elect the one that makes certificates. */
const electionLease = 'certificate-writer'

/** The configured source of the serving certificate: files, or a Secret that the guard fills itself. */
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
    onProblem: (error) => problems.error({ err: error }, 'certificates cannot be renewed or published'),
    onWell: () => problems.well(),
  })
}

/** The parts that reloading a door's certificate needs. */
interface ReloadingModules {
  readonly source: CertificateSource
  /** @throws for an unusable certificate; the old one stays */
  readonly serve: (certificate: PemPair) => void
  readonly log: Logger
}

/** Serves each new certificate of the source, and logs that. @param tls the current one */
export function reloadCertificates(tls: PemPair, { source, serve, log }: ReloadingModules): Reload<PemPair> {
  return new Reload(tls, {
    source,
    isSame: samePair,
    serve,
    timers: systemClock,
    onReloaded: ({ cert }) => log.info({ until: expiryOf(cert) }, 'a new certificate is served'),
    onProblem: (error) => log.error({ err: error }, 'the certificate cannot be reloaded'),
  })
}

/** The authorities of clients, and the file they are from. */
export interface ClientCa {
  readonly path: string
  /** The content of the file at the start. */
  readonly authorities: ClientAuthorities
}

/**
 * Accepts certificates of the authorities in the file, and rereads it. While the file is unusable, the
 * previous authorities stay.
 */
export function followingClientCa(
  { path, authorities }: ClientCa,
  serve: (authorities: ClientAuthorities) => void,
  log: Logger,
): Reload<ClientAuthorities> {
  return new Reload(authorities, {
    source: { read: (signal) => readClientAuthorities(path, signal), stop: () => Promise.resolve() },
    isSame: sameAuthorities,
    serve,
    timers: systemClock,
    onReloaded: ({ certificates }) =>
      log.info(
        { path, authorities: certificates.length },
        'the authorities of client certificates were reloaded',
      ),
    onProblem: (error) =>
      log.error(
        { err: error },
        'the authorities of client certificates cannot be reloaded; the previous ones stay',
      ),
  })
}
