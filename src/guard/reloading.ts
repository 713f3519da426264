import type { Logger } from 'pino'
import { systemClock } from '../kubernetes/clock.ts'
import { CertificateReload } from '../tls/certificate-reload.ts'
import type { CertificateSource } from '../tls/certificate-source.ts'
import { expiryOf } from '../tls/expiry.ts'
import type { PemPair } from '../tls/pem-pair.ts'

/** What a door's certificate is reloaded with. */
export interface ReloadingModules {
  readonly source: CertificateSource
  /** @throws for a certificate that cannot be served; then the old one stays */
  readonly serve: (certificate: PemPair) => void
  readonly log: Logger
}

/** Serves whatever certificate the source has, and says so in the log. @param tls what is served already */
export function reloading(tls: PemPair, { source, serve, log }: ReloadingModules): CertificateReload {
  return new CertificateReload(tls, {
    source,
    serve,
    timers: systemClock,
    onReloaded: ({ cert }) => log.info({ until: expiryOf(cert) }, 'another certificate is served'),
    onProblem: (error) => log.error({ err: error }, 'the certificate cannot be reloaded'),
  })
}
