import type { PemPair } from './pem-pair.ts'

/** Where the serving certificate comes from. */
export interface CertificateSource {
  /** The first one. @throws if there is none and none will come, or the signal's reason */
  first(signal: AbortSignal): Promise<PemPair>
  /** The one to serve now. @throws when there is none to be had now, or the signal's reason */
  read(signal: AbortSignal): Promise<PemPair>
  /** Lets go of what it holds; nothing is read any more. */
  stop(): Promise<void>
}
