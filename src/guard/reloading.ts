import type { Logger } from 'pino'
import { systemClock } from '../time/clock.ts'
import type { CertificateSource } from '../tls/certificate-source.ts'
import { readClientAuthorities, sameAuthorities, type ClientAuthorities } from '../tls/client-authorities.ts'
import { expiryOf } from '../tls/expiry.ts'
import { samePair, type PemPair } from '../tls/pem-pair.ts'
import { Reload } from '../tls/reload.ts'

/** What a door's certificate is reloaded with. */
export interface ReloadingModules {
  readonly source: CertificateSource
  /** @throws for a certificate that cannot be served; then the old one stays */
  readonly serve: (certificate: PemPair) => void
  readonly log: Logger
}

/** Serves whatever certificate the source has, and says so in the log. @param tls what is served already */
export function reloading(tls: PemPair, { source, serve, log }: ReloadingModules): Reload<PemPair> {
  return new Reload(tls, {
    source,
    isSame: samePair,
    serve,
    timers: systemClock,
    onReloaded: ({ cert }) => log.info({ until: expiryOf(cert) }, 'another certificate is served'),
    onProblem: (error) => log.error({ err: error }, 'the certificate cannot be reloaded'),
  })
}

/** Those whose client certificates are taken, and the file they are from. */
export interface ClientCa {
  readonly path: string
  /** What was read at the start. */
  readonly authorities: ClientAuthorities
}

/** Takes certificates of whatever authorities the file has. Those of before stay for as long as it cannot be used. */
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
        'client certificates of other authorities are taken',
      ),
    onProblem: (error) =>
      log.error(
        { err: error },
        'the authorities of client certificates cannot be reloaded; those of before stay',
      ),
  })
}
