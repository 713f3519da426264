import { readCertificate } from './soundness.ts'
import type { PemPair } from './pem-pair.ts'

/** An authority; without its key it is still trusted, but signs nothing any more. */
export interface KeptAuthority {
  readonly cert: string
  readonly key: string | undefined
}

/** What a guard that makes its own certificates keeps, all PEM, as it was found: sound or not. */
export interface Kept {
  /** The one that has signed what is served. */
  readonly authority: KeptAuthority | undefined
  /** Already told to the API server; signs from the next change on. */
  readonly next: PemPair | undefined
  /** The certificate of the one before, trusted for as long as a replica may still serve what it signed. */
  readonly previous: string | undefined
  readonly serving: PemPair | undefined
}

/**
 * What the API server has to trust, as PEM: every authority that is in use, was, or soon will be. The same ones always
 * make the same text, so that it can be compared.
 */
export function caBundle({ authority, next, previous }: Omit<Kept, 'serving'>): string {
  const certs = [authority?.cert, next?.cert, previous].flatMap((pem) => {
    const cert = pem === undefined ? undefined : readCertificate(pem)
    return cert === undefined ? [] : [cert.toString()]
  })
  return [...new Set(certs)].toSorted().join('')
}
