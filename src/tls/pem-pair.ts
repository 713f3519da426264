/** A certificate with the key that belongs to it, both PEM; the key as PKCS #8. */
export interface PemPair {
  readonly cert: string
  readonly key: string
}
